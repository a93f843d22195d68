"""How well a confidence says when an answer is right: calibration, ranking, selective risk."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.stats import rankdata

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["RiskCoverage", "auroc_of_error", "brier", "expected_calibration_error", "risk_coverage"]


def _pair(confidence: ArrayLike, right: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    p = np.asarray(confidence, dtype=np.float64)
    y = np.asarray(right, dtype=np.float64)
    if p.shape != y.shape or p.ndim != 1 or p.size == 0:
        raise ValueError(f"confidence {p.shape} and outcomes {y.shape} must be equal and not empty")
    if not np.isfinite(p).all():
        raise ValueError("a confidence is not finite")
    return p, y


def brier(confidence: ArrayLike, right: ArrayLike) -> float:
    """Return the mean squared distance of confidence and outcome (Brier 1950); 0 is perfect.

    Raises:
        ValueError: the shapes differ, or there is no row.
    """
    p, y = _pair(confidence, right)
    return float(np.mean((p - y) ** 2))


def expected_calibration_error(confidence: ArrayLike, right: ArrayLike, *, bins: int = 15) -> float:
    """Return the mean distance of confidence and accuracy over bins of equal mass.

    Guo et al., ICML 2017, with bins of (almost) equal numbers of rows instead of equal width,
    which would leave most bins empty (Nixon et al. 2019).

    Raises:
        ValueError: the shapes differ, or there is no row or bin.
    """
    p, y = _pair(confidence, right)
    if bins < 1:
        raise ValueError(f"{bins} bins")
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, bins) if part.size]
    gaps = [abs(float(p[i].mean()) - float(y[i].mean())) * i.size for i in parts]
    return float(sum(gaps) / p.size)


def auroc_of_error(confidence: ArrayLike, right: ArrayLike) -> float | None:
    """Return P(confidence of a right answer > of a wrong one), ties counting half.

    None where all answers are right, or all wrong: nothing to rank.

    Raises:
        ValueError: the shapes differ, or there is no row.
    """
    p, y = _pair(confidence, right)
    n_right = int(y.sum())
    n_wrong = y.size - n_right
    if n_right == 0 or n_wrong == 0:
        return None
    ranks = rankdata(p)
    return float((ranks[y > 0].sum() - n_right * (n_right + 1) / 2) / (n_right * n_wrong))


class RiskCoverage(NamedTuple):
    """Error among the k most confident answers, k = 1 ... n, and the area under that curve."""

    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    area: float


def risk_coverage(confidence: ArrayLike, right: ArrayLike) -> RiskCoverage:
    """Return selective risk against coverage and its area, AURC (Geifman & El-Yaniv 2017).

    Rows of equal confidence are answered together: each gets the mean error of its group.

    Raises:
        ValueError: the shapes differ, or there is no row.
    """
    p, y = _pair(confidence, right)
    order = np.argsort(-p, kind="stable")
    _, group, sizes = np.unique(-p[order], return_inverse=True, return_counts=True)
    errors = np.bincount(group, weights=1 - y[order]) / sizes
    count = np.arange(1, p.size + 1)
    risk = np.cumsum(errors[group]) / count
    return RiskCoverage(count / p.size, risk, float(risk.mean()))
