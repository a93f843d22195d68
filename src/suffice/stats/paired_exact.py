"""The exact paired non-inferiority test for one look at a number of rows fixed beforehand.

Wins B = #{D = 1} and losses C = #{D = -1} of n rows are trinomial. The test rejects
H0: E[D] <= -margin when Tango's score statistic reaches a critical value, and that value is
raised until the chance of rejection is at most alpha for every nuisance win rate: an exact
unconditional test, the paired form of Barnard's (Barnard 1947; Tango 1998; Lloyd & Moldovan,
Statistics in Medicine 2008). Where one look is all there will be, it needs a gap of about
z_alpha standard errors; an e-process needs sqrt(2 ln(1/alpha)), which is 1.67 times as much at
alpha = 0.1 and 1.49 times at 0.05.

The rejection region is {C <= c(B)}, closed under turning a loss into a tie, so that the largest
chance of rejection lies on the boundary E[D] = -margin and only one nuisance rate is left.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import bdtr, gammaln, xlog1py, xlogy
from scipy.stats import norm

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["critical_losses", "paired_p_value", "rejects"]

# The chance of rejection is maximised over this many nuisance rates, even in their square root
# (the scale on which it varies); a grid ten times finer raised it by less than the slack.
NUISANCE_POINTS = 120
GRID_SLACK = 0.995


def _score(
    wins: NDArray[np.float64], losses: NDArray[np.float64], n: int, margin: float
) -> NDArray[np.float64]:
    """Tango's statistic of H0: E[D] = -margin, elementwise; see `intervals.tango_score`."""
    a = 2.0 * n
    b = -wins - losses - (2 * n - wins + losses) * margin
    c = losses * margin * (1 + margin)
    loss_rate = (np.sqrt(np.maximum(b * b - 4 * a * c, 0)) - b) / (2 * a)
    variance = n * (2 * loss_rate - margin * (1 + margin))
    statistic: NDArray[np.float64] = (wins - losses + n * margin) / np.sqrt(np.maximum(variance, 1e-300))
    return statistic


def _region(critical: float, n: int, margin: float) -> NDArray[np.float64]:
    """Largest number of losses still rejected, for 0 ... n wins; -1 where none is."""
    wins = np.arange(n + 1, dtype=np.float64)
    low, high = np.full(n + 1, -1.0), n - wins + 1.0
    for _ in range(int(np.ceil(np.log2(n + 2))) + 1):
        middle = np.floor((low + high) / 2)
        inside = (middle >= 0) & (middle <= n - wins)
        passes = _score(wins, np.clip(middle, 0, n - wins), n, margin) >= critical
        low, high = np.where(inside & passes, middle, low), np.where(inside & passes, high, middle)
    return low


def _largest_size(region: NDArray[np.float64], n: int, margin: float) -> float:
    """Largest chance of falling in the region over the nuisance rates on the boundary."""
    roots = np.linspace(0.0, np.sqrt((1 - margin) / 2), NUISANCE_POINTS)
    every = np.arange(n + 1)
    log_choose = gammaln(n + 1) - gammaln(every + 1) - gammaln(n - every + 1)
    largest = 0.0
    for win_rate in roots * roots:
        centre, reach = n * win_rate, 8 * np.sqrt(n * win_rate) + 20
        wins = np.arange(max(0, int(centre - reach)), min(n, int(centre + reach)) + 1)
        loss_rate = min((win_rate + margin) / (1 - win_rate), 1.0)
        allowed = region[wins]
        chance = bdtr(np.maximum(allowed, 0), n - wins, loss_rate) * (allowed >= 0)
        log_mass = log_choose[wins] + xlogy(wins, win_rate) + xlog1py(n - wins, -win_rate)
        largest = max(largest, float(np.exp(log_mass) @ chance))
    return largest


@lru_cache(maxsize=128)
def critical_losses(n: int, margin: float, alpha: float) -> tuple[int, ...]:
    """Return, for 0 ... n wins, the most losses with which non-inferiority is still shown.

    -1 means that this many wins never shows it.

    Raises:
        ValueError: n, the margin or alpha is out of range.
    """
    if n < 1 or not 0 < margin < 1 or not 0 < alpha < 0.5:
        raise ValueError(f"impossible test: n={n}, margin={margin}, alpha={alpha}")
    target = alpha * GRID_SLACK
    low, high = float(norm.isf(alpha)) - 0.3, float(norm.isf(alpha)) + 0.1
    while _largest_size(_region(high, n, margin), n, margin) > target:
        low, high = high, high + 0.3
    for _ in range(12):
        middle = (low + high) / 2
        if _largest_size(_region(middle, n, margin), n, margin) <= target:
            high = middle
        else:
            low = middle
    return tuple(int(c) for c in _region(high, n, margin))


def rejects(wins: ArrayLike, losses: ArrayLike, n: int, *, margin: float, alpha: float) -> NDArray[np.bool_]:
    """Return whether H0: E[D] <= -margin is rejected at alpha, elementwise over counts.

    Args:
        wins: rows where only the candidate is right.
        losses: rows where only the reference is right.
        n: all rows, a number fixed before any of them was looked at.
        margin: allowed drop.
        alpha: error of this one look.
    """
    most = np.asarray(critical_losses(n, margin, alpha))
    decided: NDArray[np.bool_] = np.asarray(losses) <= most[np.asarray(wins, dtype=np.int64)]
    return decided


def paired_p_value(wins: int, losses: int, n: int, margin: float) -> float:
    """Return the exact p-value of H0: E[D] <= -margin for one look.

    The largest chance, over the nuisance rate, of a score at least as large as the observed.

    Raises:
        ValueError: the counts or the margin are impossible.
    """
    if min(wins, losses) < 0 or wins + losses > n or n < 1 or not 0 < margin < 1:
        raise ValueError(f"{wins} wins and {losses} losses of {n} rows at margin {margin}")
    observed = float(_score(np.array(float(wins)), np.array(float(losses)), n, margin))
    return min(1.0, _largest_size(_region(observed - 1e-12, n, margin), n, margin) / GRID_SLACK)
