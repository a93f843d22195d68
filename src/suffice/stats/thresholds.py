"""How far down the threshold of one cascade may go: fixed-sequence testing from "escalate all".

Escalating everything changes nothing, so the drop is 0 there by construction. Walking from it to
bolder thresholds on a grid fixed without looking at the certifying labels, testing each at the
full alpha on the same rows and stopping at the first that is not rejected, certifies a wrong
threshold with probability at most alpha and needs no correction for the length of the grid
(fixed-sequence testing: Maurer, Hothorn & Lehmacher 1995; Angelopoulos et al., Learn then Test,
2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.stats import binom

from suffice.stats.arrays import bounded_values
from suffice.stats.betting import Wealth
from suffice.stats.paired_exact import critical_losses, paired_p_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from suffice.stats.betting import Bets

__all__ = [
    "ThresholdOutcome",
    "ThresholdStep",
    "certify_anytime",
    "certify_fixed_n",
    "system_outcomes",
    "threshold_grid",
]


def threshold_grid(scores: ArrayLike, *, steps: int = 40, largest_share: float = 1.0) -> tuple[float, ...]:
    """Return thresholds from cautious to bold: a row is kept where its score >= threshold.

    Quantiles of a sample of scores that are *not* the certifying rows (development rows or
    unlabelled traffic), so that step k keeps about k / steps of `largest_share` of the traffic.

    Args:
        scores: trust in the small model's answer, larger is safer.
        steps: number of steps asked for; equal quantiles fall together.
        largest_share: boldest share of the traffic to consider keeping.

    Raises:
        ValueError: no finite score, no step, or a share outside (0, 1].
    """
    sample = np.asarray(scores, dtype=np.float64)
    if sample.size == 0 or not np.isfinite(sample).all():
        raise ValueError("the grid needs finite scores")
    if steps < 1 or not 0 < largest_share <= 1:
        raise ValueError(f"steps={steps} and largest_share={largest_share} make no grid")
    shares = largest_share * np.arange(1, steps + 1) / steps
    quantiles = np.quantile(sample, 1 - shares, method="lower")
    return tuple(float(t) for t in np.unique(quantiles)[::-1])


def system_outcomes(
    scores: ArrayLike, thresholds: Sequence[float], *, kept: ArrayLike, escalated: ArrayLike = 0.0
) -> NDArray[np.float64]:
    """Return each row's outcome under each threshold, shape (thresholds, rows).

    Args:
        scores: trust score of each row.
        thresholds: from cautious to bold.
        kept: outcome of a row that is kept: D for non-inferiority, 1{small right} for an
            absolute bar, 1{same answer} for agreement.
        escalated: outcome of a row that is passed up: 0 for non-inferiority, 1{reference right}
            for an absolute bar, 1 for agreement.
    """
    is_kept = np.asarray(scores)[None, :] >= np.asarray(thresholds)[:, None]
    return np.where(is_kept, np.asarray(kept, dtype=np.float64), np.asarray(escalated))


@dataclass(frozen=True, kw_only=True)
class ThresholdStep:
    """The test of one threshold.

    Attributes:
        index: position in the grid.
        mean: mean outcome over the rows.
        n: rows used.
        p_value: evidence against "not good enough"; 1 / largest e-value for bets.
        certified: whether this and every more cautious threshold were rejected.
    """

    index: int
    mean: float
    n: int
    p_value: float
    certified: bool


@dataclass(frozen=True, kw_only=True)
class ThresholdOutcome:
    """The boldest certified threshold and the walk to it.

    Attributes:
        chosen: its index in the grid, None when not even the most cautious step passed.
        steps: every step tested, the first that failed included.
        alpha: error of the whole walk.
        method: "exact" (one look at a fixed n) or "betting" (any number of looks).
    """

    chosen: int | None
    steps: tuple[ThresholdStep, ...]
    alpha: float
    method: Literal["exact", "betting"]


def certify_fixed_n(outcomes: ArrayLike, *, bar: float, low: float, alpha: float) -> ThresholdOutcome:
    """Return the boldest threshold certified by one look at rows whose number was fixed before.

    Args:
        outcomes: shape (thresholds, rows), cautious to bold; see `system_outcomes`.
        bar: H0 is E[outcome] <= bar: -margin, q, or 1 - eps.
        low: -1 for paired differences in {-1, 0, 1}, 0 for outcomes in {0, 1}.
        alpha: error of the whole walk.

    Raises:
        ValueError: outcomes of another kind, or an impossible bar.
    """
    x = _whole_outcomes(outcomes, low)
    test = _paired_step(x, -bar, alpha) if low == -1 else _rate_step(x, bar, alpha)
    return _walk(x, test, alpha, "exact")


def certify_anytime(outcomes: ArrayLike, *, bets: Sequence[Bets], alpha: float) -> ThresholdOutcome:
    """Return the boldest threshold certified by bets; valid at any and every number of rows.

    Call it again on more rows of the same stream whenever they arrive: the e-processes are
    continued, not restarted, and no error is spent again.

    Args:
        outcomes: shape (thresholds, rows), cautious to bold, rows in their random order.
        bets: one mixture for each threshold, chosen without the certifying rows.
        alpha: error of the whole walk.

    Raises:
        ValueError: not one mixture for each threshold, or an outcome out of range.
    """
    x = np.atleast_2d(np.asarray(outcomes, dtype=np.float64))
    if len(bets) != x.shape[0]:
        raise ValueError(f"{len(bets)} mixtures of bets for {x.shape[0]} thresholds")
    log_threshold = -math.log(alpha)

    def test(step: int) -> tuple[float, bool]:
        wealth = Wealth(bets=bets[step], log_threshold=log_threshold).update(x[step])
        return wealth.p_value, wealth.crossed

    return _walk(x, test, alpha, "betting")


def _whole_outcomes(outcomes: ArrayLike, low: float) -> NDArray[np.float64]:
    if low not in (-1, 0):
        raise ValueError(f"low is {low}, expected -1 (paired differences) or 0 (rates)")
    x = np.atleast_2d(bounded_values(outcomes, low=low, high=1.0))
    if x.shape[1] == 0:
        raise ValueError("there is no row to certify on")
    if not np.array_equal(x, np.round(x)):
        raise ValueError("the exact test is for outcomes of 0, 1 and -1; use certify_anytime")
    return x


def _paired_step(x: NDArray[np.float64], margin: float, alpha: float) -> Callable[[int], tuple[float, bool]]:
    n = x.shape[1]
    most = critical_losses(n, margin, alpha)

    def test(step: int) -> tuple[float, bool]:
        wins, losses = int((x[step] > 0).sum()), int((x[step] < 0).sum())
        return paired_p_value(wins, losses, n, margin), losses <= most[wins]

    return test


def _rate_step(x: NDArray[np.float64], bar: float, alpha: float) -> Callable[[int], tuple[float, bool]]:
    n = x.shape[1]

    def test(step: int) -> tuple[float, bool]:
        p_value = float(binom.sf(int(x[step].sum()) - 1, n, bar))
        return p_value, p_value <= alpha

    return test


def _walk(
    x: NDArray[np.float64],
    test: Callable[[int], tuple[float, bool]],
    alpha: float,
    method: Literal["exact", "betting"],
) -> ThresholdOutcome:
    steps: list[ThresholdStep] = []
    for index in range(x.shape[0]):
        p_value, passed = test(index)
        steps.append(
            ThresholdStep(
                index=index,
                mean=float(x[index].mean()),
                n=x.shape[1],
                p_value=p_value,
                certified=passed,
            )
        )
        if not passed:
            break
    certified = [step.index for step in steps if step.certified]
    return ThresholdOutcome(
        chosen=certified[-1] if certified else None,
        steps=tuple(steps),
        alpha=alpha,
        method=method,
    )
