"""A multinomial logistic head on given vectors: fitted, its penalty chosen, its confidence calibrated."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

# 1 / penalty, as in scikit-learn's `C`. Unit vectors of 384 dimensions want little shrinkage.
PENALTIES: tuple[float, ...] = (3.0, 10.0, 30.0)


@dataclass(frozen=True, kw_only=True)
class SoftmaxHead:
    """Its logits are vectors @ weight + bias: `weight` (d, K), `bias` (K,); no `C` if trained otherwise."""

    weight: Floats
    bias: Floats
    C: float | None

    def logits(self, vectors: Floats) -> Floats:
        """Returns the (n, K) logits."""
        return vectors @ self.weight + self.bias


def fit(
    vectors: Floats, classes: Integers, *, labels: int, C: float, start: SoftmaxHead | None = None
) -> SoftmaxHead:
    """Returns the head that minimises mean cross-entropy + |W|^2 / (2 C n), by L-BFGS.

    `vectors` (n, d), `classes` (n,) in [0, labels). The objective is scikit-learn's
    LogisticRegression divided by n; products run in single precision, which halves the time.
    """
    n, width = vectors.shape
    ones = np.ones((n, 1), np.float32)
    extended = np.concatenate([vectors.astype(np.float32), ones], axis=1)
    wanted = np.zeros((n, labels), np.float32)
    wanted[np.arange(n), classes] = 1.0
    penalty = 1.0 / (C * n)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        parameters = flat.astype(np.float32).reshape(width + 1, labels)
        logits = extended @ parameters
        logits -= logits.max(axis=1, keepdims=True)
        picked = logits[np.arange(n), classes].astype(np.float64)
        np.exp(logits, out=logits)
        sums = logits.sum(axis=1, keepdims=True, dtype=np.float64)
        logits /= sums.astype(np.float32)
        logits -= wanted
        shrunk = flat.reshape(width + 1, labels).copy()
        shrunk[-1] = 0.0
        value = float((np.log(sums[:, 0]) - picked).mean() + 0.5 * penalty * (shrunk**2).sum())
        gradient = (extended.T @ logits).astype(np.float64) / n + penalty * shrunk
        return value, gradient.ravel()

    first: NDArray[np.float64] = np.zeros((width + 1) * labels)
    if start is not None:
        first = np.vstack([start.weight, start.bias[None]]).astype(np.float64).ravel()
    found = minimize(
        loss, first, jac=True, method="L-BFGS-B", options={"maxiter": 200, "gtol": 2e-6, "ftol": 1e-8}
    )
    parameters = found.x.reshape(width + 1, labels).astype(np.float32)
    return SoftmaxHead(weight=parameters[:-1], bias=parameters[-1], C=C)


def choose(
    train: tuple[Floats, Integers],
    dev: tuple[Floats, Integers],
    *,
    labels: int,
    penalties: Sequence[float] = PENALTIES,
) -> SoftmaxHead:
    """Returns the head whose penalty does best on dev: by accuracy, then by cross-entropy."""
    best: SoftmaxHead | None = None
    best_score = (-1.0, 0.0)
    head: SoftmaxHead | None = None
    for C in sorted(penalties):
        head = fit(*train, labels=labels, C=C, start=head)
        logits = head.logits(dev[0])
        score = (float((logits.argmax(axis=1) == dev[1]).mean()), -cross_entropy(logits, dev[1]))
        if score > best_score:
            best, best_score = head, score
    if best is None:
        raise ValueError("give at least one penalty to choose from")
    return best


def cross_entropy(logits: Floats, classes: Integers) -> float:
    """Returns the mean of -log softmax(logits) at the true class, in nats."""
    scaled = logits.astype(np.float64)
    top = scaled.max(axis=1)
    log_sums = np.log(np.exp(scaled - top[:, None]).sum(axis=1)) + top
    return float((log_sums - scaled[np.arange(len(scaled)), classes]).mean())
