"""A few human labels and many judge labels: an e-process with the judge as a control variate.

For a label Y with prediction f and r further unlabelled predictions f'_1 ... f'_r of fresh rows,

    Z = Y - s f + s mean(f')        has        E[Z] = E[Y]

whatever the judge is worth, and less variance the better it is; so bets on Z test H0: E[Y] <= bar
exactly, at any number of labels, also with a judge that is wrong or biased. The reliance s is not
chosen but mixed over, s = 0 (no judge) included: the wealth is never below that of the labels
alone times the weight of s = 0 (R-AutoEval+, Park et al., NeurIPS 2025; prediction-powered
inference, Angelopoulos et al., Science 2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp

from suffice.stats.arrays import bounded_values
from suffice.stats.betting import Bets, log_wealth

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["JudgePlan", "PoweredBets", "powered_bets", "powered_log_wealth", "powered_observations"]

# Stakes as shares of the largest safe one.
STAKE_SHARES = (0.05, 0.1, 0.2, 0.4, 0.7, 0.98)

# Around the Kelly fraction of a cautious gap: the true one is more often above it than below. The
# multiples of `mixtures.TWIN_MULTIPLES` took 1 to 20% more labels with a good judge (250 streams each).
KELLY_MULTIPLES = (0.5, 1.0, 2.0, 4.0)
KELLY_WEIGHTS = (0.2, 0.3, 0.3, 0.2)


@dataclass(frozen=True, kw_only=True)
class JudgePlan:
    """The hypothesis and how the judge may be relied on. Fixed before the first label.

    Attributes:
        bar: H0 is E[Y] <= bar.
        low: smallest possible Y.
        high: largest possible Y.
        prediction_low: predictions are cut to at least this.
        prediction_high: predictions are cut to at most this.
        reliances: the s that are mixed over; 0 guards against a useless judge.
        weights: their weights, summing to 1.
    """

    bar: float
    low: float = 0.0
    high: float = 1.0
    prediction_low: float = 0.0
    prediction_high: float = 1.0
    reliances: tuple[float, ...] = (0.0, 0.5, 0.75, 1.0)
    weights: tuple[float, ...] = (0.3, 0.2, 0.25, 0.25)

    def __post_init__(self) -> None:
        if not self.prediction_low < self.prediction_high:
            raise ValueError("the range of the predictions is empty")
        if len(self.reliances) != len(self.weights) or abs(sum(self.weights) - 1) > 1e-9:
            raise ValueError("there must be one weight for each reliance, summing to 1")

    def bets(self, reliance: float) -> Bets:
        """Return the mixture for Z at this reliance, whose range is wider than that of Y."""
        extra = abs(reliance) * (self.prediction_high - self.prediction_low)
        low, high = self.low - extra, self.high + extra
        limit = 1 / (self.bar - low)
        return Bets(
            bar=self.bar,
            low=low,
            high=high,
            fractions=tuple(share * limit for share in STAKE_SHARES),
            weights=(1 / len(STAKE_SHARES),) * len(STAKE_SHARES),
        )


@dataclass(frozen=True, kw_only=True)
class PoweredBets(Bets):
    """Bets on Z at one reliance, with what Z is made of.

    Attributes:
        reliance: s, chosen without the rows that are bet on.
        fresh: r, unlabelled rows for each label, each used once.
        prediction_low: smallest possible f.
        prediction_high: largest possible f.
    """

    reliance: float
    fresh: int
    prediction_low: float
    prediction_high: float

    def observations(self, parts: ArrayLike) -> NDArray[np.float64]:
        """Return Z of each row of `parts`: Y, f, and the sum of the r fresh f', shape (n, 3).

        Raises:
            ValueError: a prediction lies outside its range, or the shape is another one.
        """
        y, f, total = np.reshape(np.asarray(parts, dtype=np.float64), (-1, 3)).T
        low, high = self.prediction_low, self.prediction_high
        bounded_values(f, low=low, high=high)
        mean = bounded_values(total / self.fresh, low=low, high=high)
        return powered_observations(y, f, mean[:, None], reliance=self.reliance)


def powered_bets(plan: JudgePlan, *, reliance: float, fresh: int, gap: float, variance: float) -> PoweredBets:
    """Return bets that grow fastest where Z lies `gap` above the bar with this variance.

    Kelly's fraction is gap / E[(Z - bar)^2]; those past the safe limit of Z's range are cut to it.
    Any gap and variance are valid: they move only power.

    Raises:
        ValueError: there is no fresh row for a label, or no gap.
    """
    if fresh < 1 or gap <= 0:
        raise ValueError(f"bets on a judge need fresh rows and a gap, found {fresh} and {gap}")
    wide = plan.bets(reliance)
    kelly = gap / (variance + gap * gap)
    return PoweredBets(
        bar=wide.bar,
        low=wide.low,
        high=wide.high,
        fractions=tuple(multiple * kelly for multiple in KELLY_MULTIPLES),
        weights=KELLY_WEIGHTS,
        reliance=reliance,
        fresh=fresh,
        prediction_low=plan.prediction_low,
        prediction_high=plan.prediction_high,
    )


def powered_observations(
    labels: ArrayLike, predictions: ArrayLike, pool: ArrayLike, *, reliance: float
) -> NDArray[np.float64]:
    """Return Z = Y - s f + s mean(f') for each labelled row.

    Args:
        labels: Y, shape (n,).
        predictions: f of the same rows, shape (n,).
        pool: predictions of fresh unlabelled rows, r for each label, shape (n, r), each row of
            the pool used once.
        reliance: s.

    Raises:
        ValueError: the shapes do not belong together.
    """
    y, f = np.asarray(labels, dtype=np.float64), np.asarray(predictions, dtype=np.float64)
    fresh = np.asarray(pool, dtype=np.float64)
    if y.shape != f.shape or y.ndim != 1 or fresh.ndim != 2 or fresh.shape[0] != y.size:
        raise ValueError(
            f"labels {y.shape}, predictions {f.shape} and pool {fresh.shape} do not match;"
            " expected (n,), (n,) and (n, r)"
        )
    if fresh.shape[1] == 0:
        raise ValueError("the pool must hold at least one unlabelled row for each label")
    powered: NDArray[np.float64] = y - reliance * f + reliance * fresh.mean(axis=1)
    return powered


def powered_log_wealth(
    labels: ArrayLike, predictions: ArrayLike, pool: ArrayLike, *, plan: JudgePlan
) -> NDArray[np.float64]:
    """Return the path of the log e-value after each label, mixed over the reliances.

    Raises:
        ValueError: the shapes do not belong together or a label is out of range.
    """
    y = bounded_values(labels, low=plan.low, high=plan.high)
    f = np.clip(np.asarray(predictions, float), plan.prediction_low, plan.prediction_high)
    fresh = np.clip(np.asarray(pool, float), plan.prediction_low, plan.prediction_high)
    paths = [log_wealth(powered_observations(y, f, fresh, reliance=s), plan.bets(s)) for s in plan.reliances]
    mixed: NDArray[np.float64] = logsumexp(np.asarray(paths), axis=0, b=np.asarray(plan.weights)[:, None])
    return mixed
