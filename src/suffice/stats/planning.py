"""Estimates of how many observations a decision will take. Estimates: they carry no guarantee."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from suffice.stats.betting import Bets, Wealth

__all__ = ["expected_n", "more_observations", "zero_failure_n"]


def zero_failure_n(rate: float, alpha: float = 0.05) -> int:
    """Return the fewest rows, all without failure, that show a failure rate below `rate`.

    ln(alpha) / ln(1 - rate): 59, 149 and 299 rows for 5%, 2% and 1% at 95% confidence.

    Raises:
        ValueError: a rate is outside (0, 1).
    """
    if not (0 < rate < 1 and 0 < alpha < 1):
        raise ValueError(f"rates must lie in (0, 1), got rate={rate}, alpha={alpha}")
    return math.ceil(math.log(alpha) / math.log1p(-rate))


def _growth(bets: Bets, mean: float, variance: float) -> np.ndarray:
    """Expected log-factor of each bet under the two-point law with this mean and variance.

    Two points fix the tails the moments leave open; they lie one deviation either side of the
    mean, cut to the range of X (for rates of 0 and 1 that is the Bernoulli law itself).
    """
    if (bets.low, bets.high) == (0.0, 1.0):
        points, masses = np.array([0.0, 1.0]), np.array([1 - mean, mean])
    else:
        spread = math.sqrt(max(variance, 0.0))
        points = np.clip(np.array([mean - spread, mean + spread]), bets.low, bets.high)
        masses = np.array([0.5, 0.5])
    logs: np.ndarray = bets.log_factors(points) @ masses
    return logs


def expected_n(bets: Bets, *, mean: float, variance: float, log_threshold: float) -> float | None:
    """Return about how many observations the mixture needs from the start, or None if it will not.

    Args:
        bets: hypothesis and mixture.
        mean: estimated E[X].
        variance: estimated Var(X).
        log_threshold: ln(1/alpha).
    """
    return _first_passage(np.zeros(len(bets.fractions)), bets, (mean, variance), log_threshold=log_threshold)


def more_observations(
    wealth: Wealth, *, mean: float, variance: float, log_threshold: float | None = None
) -> int | None:
    """Return "label about N more": rows until the running wealth is expected to decide.

    0 when it has decided, None when at the estimated mean it is not expected to decide at all.

    Args:
        wealth: the running e-process.
        mean: estimated E[X] of the rows to come, usually the mean so far.
        variance: estimated Var(X).
        log_threshold: the level to reach; the wealth's own when not given.
    """
    target = wealth.log_threshold if log_threshold is None else log_threshold
    if wealth.log_e_max >= target:
        return 0
    rows = _first_passage(
        np.asarray(wealth.log_products), wealth.bets, (mean, variance), log_threshold=target
    )
    return None if rows is None else max(1, math.ceil(rows))


def _first_passage(
    log_products: np.ndarray,
    bets: Bets,
    moments: tuple[float, float],
    *,
    log_threshold: float,
) -> float | None:
    growth = _growth(bets, *moments)
    useful = (growth > 0) & (np.asarray(bets.weights) > 0)
    if not useful.any():
        return None
    # The mixture crosses at the latest about when its best single bet does.
    missing = log_threshold - np.log(np.asarray(bets.weights)[useful]) - log_products[useful]
    return float(np.min(np.maximum(missing, 0.0) / growth[useful]))
