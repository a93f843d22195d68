"""The threshold on a score at which recall at a fixed false-alarm rate is most likely to be shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaln, gammaln, logsumexp
from scipy.stats import binom

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["OperatingPoint", "Wanted", "operating_point"]

# Below this chance of passing, the point is not chosen to pass but to show the recall at the bar.
_HOPELESS = 0.01
# Rates are given Jeffreys' prior, Beta(1/2, 1/2).
_PRIOR = 0.5


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The claim that is to be shown: both bars at alpha, on `rows` fresh rows."""

    recall: float
    false_alarm: float
    alpha: float
    rows: int


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """A threshold and what it does on the rows it was chosen on (nothing here is evidence).

    `chance` is that of showing the claim on fresh rows: the predictive probability, after n rows.
    """

    threshold: float
    recall: float
    false_alarm: float
    chance: float
    n: int


def operating_point(scores: ArrayLike, is_positive: ArrayLike, *, wanted: Wanted) -> OperatingPoint:
    """Return the threshold with the largest chance that the claim will be shown.

    Both exact binomial tests pass when errors (misses, false alarms) are few enough; given the
    counts seen here, the errors among fresh rows are beta-binomial (Gelman et al., Bayesian Data
    Analysis, 2.4, with Jeffreys' prior), and the two chances multiply. Where no threshold has a
    real chance, it is the smallest one whose false-alarm rate here keeps the bar.

    Args:
        scores: the larger, the more it looks like a positive, shape (n,).
        is_positive: the truth, shape (n,), with at least one positive and one negative.
        wanted: the claim.

    Raises:
        ValueError: the shapes differ, or one of the two kinds of rows is missing.
    """
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(is_positive, dtype=bool)
    if s.shape != y.shape or s.ndim != 1:
        raise ValueError(f"scores {s.shape} and truth {y.shape} do not match; expected (n,) and (n,)")
    positives, negatives = int(y.sum()), int((~y).sum())
    if not positives or not negatives:
        raise ValueError(f"{positives} positives and {negatives} negatives: at least one of each is needed")
    thresholds = _thresholds(s, y)
    hits = positives - np.searchsorted(np.sort(s[y]), thresholds, side="left")
    alarms = negatives - np.searchsorted(np.sort(s[~y]), thresholds, side="left")
    rows = max(wanted.rows, 2)
    fresh = min(max(round(rows * positives / s.size), 1), rows - 1)
    chance = np.exp(
        _log_few(positives - hits, positives, fresh=fresh, bar=1 - wanted.recall, alpha=wanted.alpha)
        + _log_few(alarms, negatives, fresh=rows - fresh, bar=wanted.false_alarm, alpha=wanted.alpha)
    )
    best = int(chance.argmax())
    if chance[best] < _HOPELESS:
        keeps = np.flatnonzero(alarms <= wanted.false_alarm * negatives)
        best = int(keeps[0]) if keeps.size else thresholds.size - 1
    return OperatingPoint(
        threshold=float(thresholds[best]),
        recall=float(hits[best] / positives),
        false_alarm=float(alarms[best] / negatives),
        chance=float(chance[best]),
        n=int(s.size),
    )


def _thresholds(scores: NDArray[np.float64], is_positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the middle of the gap below each positive's score, ascending.

    Any other threshold has the same hits as one of these and no fewer false alarms.
    """
    distinct = np.unique(scores)
    at = np.searchsorted(distinct, np.unique(scores[is_positive]))
    below = np.where(at > 0, distinct[np.maximum(at - 1, 0)], distinct[at])
    return np.asarray((distinct[at] + below) / 2, dtype=np.float64)


def _log_few(
    errors: NDArray[np.int64], n: int, *, fresh: int, bar: float, alpha: float
) -> NDArray[np.float64]:
    """Return the log chance that a test of "error rate <= bar" passes on fresh rows, for each count.

    It passes at up to `most` errors, the largest number with P(Binomial(fresh, bar) <= most) <= alpha.
    """
    most = int(binom.ppf(alpha, fresh, bar))
    if binom.cdf(most, fresh, bar) > alpha:
        most -= 1
    if most < 0:
        return np.full(errors.shape, -np.inf)
    a, b = errors[:, None] + _PRIOR, n - errors[:, None] + _PRIOR
    k = np.arange(most + 1)
    ways = gammaln(fresh + 1) - gammaln(k + 1) - gammaln(fresh - k + 1)
    log_shares = ways + betaln(k + a, fresh - k + b) - betaln(a, b)
    return np.asarray(np.minimum(logsumexp(log_shares, axis=1), 0.0), dtype=np.float64)
