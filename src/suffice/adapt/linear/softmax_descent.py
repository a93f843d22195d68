"""A multinomial logistic model of low rank, fitted to hard or soft labels over sparse rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Floats = NDArray[np.float32]
Heard = Callable[[float], None]  # the share of the work that is done

# Rows have length 1: without a gain, weights of the size that one step makes would hardly move the logits.
_GAIN = 6.0
_MOMENTUM, _SQUARES, _TINY = 0.9, 0.99, 1e-8
_WARM_UP_STEPS = 100


@dataclass(frozen=True, kw_only=True)
class DescentSettings:
    """How it is fitted.

    `rank` of the weights (None: as many as labels, no head); `epochs` over the rows in batches of
    `batch`; first step size `rate`, falling to 0; `decay` of the weights per unit of step size;
    `dropout`, the share of n-grams hidden in each row each time.
    """

    rank: int | None
    epochs: int
    batch: int = 256
    rate: float = 0.02
    decay: float = 0.3
    dropout: float = 0.3


@dataclass(frozen=True, kw_only=True)
class Factors:
    """logits = (x @ rows) @ head + bias, or x @ rows + bias where there is no head."""

    rows: Floats
    head: Floats | None
    bias: Floats

    def logits(self, x: csr_matrix) -> Floats:
        """Returns the (n, K) logits of sparse rows."""
        inner = x @ self.rows
        logits: Floats = (inner if self.head is None else inner @ self.head) + self.bias
        return logits


class _Adam:
    """One array with its step: Adam (Kingma & Ba 2015) with decoupled decay (Loshchilov & Hutter 2019)."""

    def __init__(self, values: Floats, *, decay: float) -> None:
        self.values = values
        self._decay = decay
        self._mean, self._square = np.zeros_like(values), np.zeros_like(values)
        self._work = np.empty_like(values)
        self._count = 0

    def step(self, gradient: Floats, rate: float) -> None:
        self._count += 1
        work = self._work
        self._mean *= np.float32(_MOMENTUM)
        self._mean += np.multiply(gradient, np.float32(1 - _MOMENTUM), out=work)
        np.multiply(gradient, gradient, out=work)
        work *= np.float32(1 - _SQUARES)
        self._square *= np.float32(_SQUARES)
        self._square += work
        np.multiply(self._square, np.float32(1 / (1 - _SQUARES**self._count)), out=work)
        np.sqrt(work, out=work)
        work += np.float32(_TINY)
        np.divide(self._mean, work, out=work)
        work *= np.float32(rate / (1 - _MOMENTUM**self._count))
        if self._decay:
            self.values *= np.float32(1 - rate * self._decay)
        self.values -= work


def fit(
    x: csr_matrix, targets: NDArray[np.int64] | Floats, *, labels: int, settings: DescentSettings,
    seed: int, heard: Heard = lambda _: None,
) -> Factors:  # fmt: skip
    """Returns the factors that minimise mean cross-entropy to the targets, by seeded minibatch Adam.

    `x` (n, B) has rows of length 1; `targets` are (n,) classes or (n, K) probabilities, whose rows
    may sum to less than 1 to weigh a row less. The same arguments give the same bytes on the same machine.
    """
    draw = np.random.default_rng(seed)
    parts = _start(x.shape[1], labels, settings, draw)
    steps_per_epoch = -(-x.shape[0] // settings.batch)
    steps = settings.epochs * steps_per_epoch
    at = 0
    for _ in range(settings.epochs):
        order = draw.permutation(x.shape[0])
        for start in range(0, len(order), settings.batch):
            chosen = order[start : start + settings.batch]
            batch = _hidden(x[chosen], settings.dropout, draw)
            wanted = _wanted(targets, chosen, labels)
            at += 1
            rate = settings.rate * min(1.0, at / _WARM_UP_STEPS) * (1.0 - (at - 1) / steps)
            _descend(parts, batch, wanted, rate)
        heard(at / steps)
    rows, bias, *rest = (part.values for part in parts)
    rows[np.bincount(x.indices, minlength=x.shape[1]) == 0] = 0.0  # never seen: it must not speak
    gain = np.float32(_GAIN)
    if rest:
        return Factors(rows=rows, head=rest[0] * gain, bias=bias)
    return Factors(rows=rows * gain, head=None, bias=bias)


def _start(buckets: int, labels: int, settings: DescentSettings, draw: np.random.Generator) -> list[_Adam]:
    bias = _Adam(np.zeros(labels, np.float32), decay=0.0)
    if settings.rank is None:
        return [_Adam(np.zeros((buckets, labels), np.float32), decay=settings.decay), bias]
    rank = settings.rank
    rows = draw.standard_normal((buckets, rank), dtype=np.float32) * np.float32(0.3 / np.sqrt(rank))
    head = draw.standard_normal((rank, labels), dtype=np.float32) / np.float32(np.sqrt(rank))
    return [_Adam(rows, decay=settings.decay), bias, _Adam(head, decay=settings.decay)]


def _descend(parts: list[_Adam], batch: csr_matrix, wanted: Floats, rate: float) -> None:
    rows, bias, *rest = parts
    inner: Floats = batch @ rows.values
    logits = (inner @ rest[0].values if rest else inner) * np.float32(_GAIN) + bias.values
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    # Softmax minus target, where a target's sum is the weight of its row.
    logits *= wanted.sum(axis=1, keepdims=True) / logits.sum(axis=1, keepdims=True)
    logits -= wanted
    logits /= np.float32(batch.shape[0])
    bias_gradient = logits.sum(axis=0)
    logits *= np.float32(_GAIN)
    inner_gradient = logits @ rest[0].values.T if rest else logits
    rows_gradient = np.asarray(batch.T @ inner_gradient)
    if rest:
        rest[0].step(inner.T @ logits, rate)
    rows.step(rows_gradient, rate)
    bias.step(bias_gradient, rate)


def _hidden(batch: csr_matrix, dropout: float, draw: np.random.Generator) -> csr_matrix:
    """Returns the batch with a share of its entries at 0 and the others larger (Srivastava et al. 2014)."""
    if dropout:
        batch.data *= (draw.random(len(batch.data), dtype=np.float32) >= dropout) / np.float32(1 - dropout)
    return batch


def _wanted(targets: NDArray[np.int64] | Floats, chosen: NDArray[np.int64], labels: int) -> Floats:
    if targets.ndim == 2:
        return targets[chosen].astype(np.float32)
    wanted = np.zeros((len(chosen), labels), np.float32)
    wanted[np.arange(len(chosen)), targets[chosen].astype(np.int64)] = 1.0
    return wanted
