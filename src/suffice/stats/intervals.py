"""Intervals for means: exact and score intervals for one look, a betting interval for any number.

Clopper-Pearson, Wilson and Tango hold for one look at a number of observations fixed beforehand;
only `betting` may be computed again and again while observations arrive.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import betaincinv, logsumexp, ndtri

from suffice.stats.arrays import bounded_values

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "IntervalBounds",
    "betting",
    "clopper_pearson",
    "clopper_pearson_lower",
    "clopper_pearson_upper",
    "paired_difference",
    "wilson",
]


class IntervalBounds(NamedTuple):
    """Lower and upper end, the two-sided confidence level, and how they were found."""

    lower: float
    upper: float
    level: float
    method: str


def _check_counts(successes: int, n: int, level: float) -> None:
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"{successes} successes of {n} observations is not a count")
    if not 0 < level < 1:
        raise ValueError(f"the level {level} must lie strictly between 0 and 1")


def clopper_pearson_upper(successes: int, n: int, delta: float) -> float:
    """Return the exact one-sided upper bound of a rate, wrong with probability <= delta.

    Clopper & Pearson, Biometrika 1934: the 1 - delta quantile of Beta(k + 1, n - k); 1 when k = n.
    """
    _check_counts(successes, n, 1 - delta)
    if successes == n:
        return 1.0
    return float(betaincinv(successes + 1, n - successes, 1 - delta))


def clopper_pearson_lower(successes: int, n: int, delta: float) -> float:
    """Return the exact one-sided lower bound of a rate, wrong with probability <= delta."""
    return 1.0 - clopper_pearson_upper(n - successes, n, delta)


def clopper_pearson(successes: int, n: int, level: float = 0.95) -> IntervalBounds:
    """Return the exact two-sided interval of a rate (Clopper & Pearson 1934); one look.

    Raises:
        ValueError: the counts or the level are impossible.
    """
    half = (1 - level) / 2
    return IntervalBounds(
        clopper_pearson_lower(successes, n, half),
        clopper_pearson_upper(successes, n, half),
        level,
        "clopper-pearson",
    )


def wilson(successes: int, n: int, level: float = 0.95) -> IntervalBounds:
    """Return the score interval of a rate (Wilson, JASA 1927): approximate, short; one look.

    Raises:
        ValueError: the counts or the level are impossible.
    """
    _check_counts(successes, n, level)
    z = float(ndtri((1 + level) / 2))
    rate = successes / n
    shrink = 1 + z * z / n
    centre = (rate + z * z / (2 * n)) / shrink
    half = z / shrink * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return IntervalBounds(max(0.0, centre - half), min(1.0, centre + half), level, "wilson")


# Shares of the largest safe stake; geometric, so that some bet is near Kelly at most gaps.
STAKES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 0.95)


def _lowest_unrejected(x: NDArray[np.float64], log_threshold: float) -> float:
    """Smallest m in [0, 1] whose null E[X] <= m was never rejected; each factor falls with m."""
    if float(x.max()) == 0:
        return 0.0
    stakes = np.asarray(STAKES)[:, None]

    def excess(m: float) -> float:
        factors = np.log1p(-stakes + stakes * (x / m)[None, :])
        path = logsumexp(np.cumsum(factors, axis=1), axis=0) - math.log(len(STAKES))
        return float(path.max()) - log_threshold

    tiny = 1e-9
    if excess(tiny) <= 0:
        return 0.0
    if excess(1.0) > 0:
        return 1.0
    return float(brentq(excess, tiny, 1.0, xtol=1e-7))


def betting(values: ArrayLike, *, low: float = 0.0, high: float = 1.0, level: float = 0.95) -> IntervalBounds:
    """Return the anytime-valid interval of a mean: the bars that no bet has ruled out so far.

    Waudby-Smith & Ramdas, JRSS-B 2024 (section 4), with a fixed mixture of stakes and the
    running intersection; the values must come in an order fixed at random beforehand.

    Raises:
        ValueError: no value, or a value outside [low, high].
    """
    x = (bounded_values(values, low=low, high=high) - low) / (high - low)
    if x.size == 0:
        raise ValueError("an interval needs at least one observation")
    log_threshold = math.log(2 / (1 - level))
    lower = _lowest_unrejected(x, log_threshold)
    upper = 1.0 - _lowest_unrejected(1.0 - x, log_threshold)
    span = high - low
    return IntervalBounds(low + span * lower, low + span * upper, level, "betting")


def paired_difference(wins: int, losses: int, n: int, level: float = 0.95) -> IntervalBounds:
    """Return Tango's score interval of a paired difference of two rates; approximate, one look.

    Tango, Statistics in Medicine 1998: the differences whose score test is not rejected. For
    the printed range of a difference only; a verdict comes from a bet or an exact test.

    Args:
        wins: pairs where only the candidate is right.
        losses: pairs where only the reference is right.
        n: all pairs.
        level: two-sided confidence.

    Raises:
        ValueError: the counts or the level are impossible.
    """
    _check_counts(wins + losses, n, level)
    z = float(ndtri((1 + level) / 2))

    def score(difference: float) -> float:
        return tango_score(wins, losses, n, difference)

    return IntervalBounds(
        _root(lambda d: score(d) - z, -1.0, (wins - losses) / n, -1.0),
        _root(lambda d: score(d) + z, (wins - losses) / n, 1.0, 1.0),
        level,
        "tango",
    )


def tango_score(wins: float, losses: float, n: float, difference: float) -> float:
    """Return the score statistic of H0: P(win) - P(loss) = difference (large: above it)."""
    a = 2 * n
    b = -wins - losses + (2 * n - wins + losses) * difference
    c = -losses * difference * (1 - difference)
    loss_rate = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = n * (2 * loss_rate + difference * (1 - difference))
    distance = wins - losses - n * difference
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def _root(function: Callable[[float], float], low: float, high: float, edge: float) -> float:
    inside = 1e-9
    low, high = max(low, -1 + inside), min(high, 1 - inside)
    if low >= high or function(low) * function(high) > 0:
        return edge
    return float(brentq(function, low, high, xtol=1e-9))
