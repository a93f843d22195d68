r"""The one e-process every target shares: a mixture of fixed bets on the mean of a bounded variable.

For H0: E[X] <= bar with X in [low, high], and any fraction 0 <= lam < 1 / (bar - low),

    E_t = sum_j w_j prod_{i<=t} (1 + lam_j (X_i - bar))

is a non-negative supermartingale under H0 that starts at 1, so P(sup_t E_t >= 1/alpha) <= alpha
(Ville 1939): it may be looked at after every observation and stopped at will
(Waudby-Smith & Ramdas, JRSS-B 2024, section 4; Shafer 2021). `direction="below"` mirrors it to
H0: E[X] >= bar, which is what a futility stop needs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from suffice.stats.arrays import bounded_values

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Bets", "Direction", "Wealth", "log_wealth"]

Direction = Literal["above", "below"]

# A bet of the whole stake would be ruined by one bad observation and never recover.
LARGEST_STAKE = 0.98


@dataclass(frozen=True, kw_only=True)
class Bets:
    """A mixture of betting fractions against one null hypothesis.

    Attributes:
        bar: the boundary of the null hypothesis, in the unit of X.
        low: smallest possible value of X.
        high: largest possible value of X.
        fractions: the lam_j, in units of 1/X; those past the safe limit are cut to it.
        weights: the w_j; non-negative, summing to 1.
        direction: "above" bets that E[X] > bar, "below" that E[X] < bar.

    Raises:
        ValueError: the bar is outside [low, high], or the weights are not a distribution.
    """

    bar: float
    low: float
    high: float
    fractions: tuple[float, ...]
    weights: tuple[float, ...]
    direction: Direction = "above"

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"the range [{self.low}, {self.high}] is empty")
        if not self.low <= self.bar <= self.high:
            raise ValueError(f"the bar {self.bar} is outside [{self.low}, {self.high}]")
        if not self.fractions or len(self.fractions) != len(self.weights):
            raise ValueError("there must be one weight for each betting fraction, and at least one")
        if min(self.fractions) < 0 or min(self.weights) < 0:
            raise ValueError("betting fractions and weights must not be negative")
        if not math.isclose(sum(self.weights), 1.0, abs_tol=1e-9):
            raise ValueError(f"the weights sum to {sum(self.weights)}, expected 1")
        limit = self.largest_fraction
        object.__setattr__(self, "fractions", tuple(min(f, limit) for f in self.fractions))

    @property
    def largest_fraction(self) -> float:
        """Largest fraction that keeps every factor of the product positive."""
        reach = self.bar - self.low if self.direction == "above" else self.high - self.bar
        return math.inf if reach == 0 else LARGEST_STAKE / reach

    def log_factors(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return log(1 + lam_j (x - bar)), shape (bets, *values.shape).

        Raises:
            ValueError: a value lies outside [low, high].
        """
        x = bounded_values(values, low=self.low, high=self.high)
        sign = 1.0 if self.direction == "above" else -1.0
        stakes = np.asarray(self.fractions).reshape(-1, *([1] * x.ndim))
        logs: NDArray[np.float64] = np.log1p(stakes * (sign * (x - self.bar)))
        return logs

    def log_mixture(self, log_products: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return log sum_j w_j exp(log_products[j]): the e-value's logarithm, without the first axis."""
        with np.errstate(divide="ignore"):
            log_weights = np.log(np.asarray(self.weights))
        parts = log_products + log_weights.reshape(-1, *([1] * (log_products.ndim - 1)))
        # One weight at least is positive and no product vanishes, so the largest part is finite.
        largest = parts.max(axis=0)
        mixed: NDArray[np.float64] = largest + np.log(np.exp(parts - largest).sum(axis=0))
        return mixed


def log_wealth(values: ArrayLike, bets: Bets) -> NDArray[np.float64]:
    """Return the path log E_1 ... log E_n along the last axis of `values` (any leading axes).

    Raises:
        ValueError: a value lies outside the range of the bets.
    """
    return bets.log_mixture(np.cumsum(bets.log_factors(values), axis=-1))


@dataclass(frozen=True, kw_only=True)
class Wealth:
    """The running e-process: what has to be remembered between blocks of observations.

    A wealth may be stored and continued later on new observations: optional continuation keeps
    the error guarantee (Grunwald, de Heide & Koolen, JRSS-B 2024).

    Attributes:
        bets: the hypothesis and the mixture.
        log_threshold: log of the e-value that decides, ln(1/alpha); infinite when only watching.
        n: observations seen.
        log_e: logarithm of the e-value now.
        log_e_max: its largest value so far, at least 0 (the start).
        crossed_at: number of observations at which the threshold was first reached, or None.
    """

    bets: Bets
    log_threshold: float = math.inf
    n: int = 0
    log_e: float = 0.0
    log_e_max: float = 0.0
    crossed_at: int | None = None
    log_products: tuple[float, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.log_products:
            object.__setattr__(self, "log_products", (0.0,) * len(self.bets.fractions))
        if len(self.log_products) != len(self.bets.fractions):
            raise ValueError("the stored products belong to another mixture of bets")

    @property
    def crossed(self) -> bool:
        """Whether the threshold has ever been reached."""
        return self.crossed_at is not None

    @property
    def p_value(self) -> float:
        """Anytime-valid p-value 1 / max_t E_t (Ville's inequality)."""
        return math.exp(-self.log_e_max)

    def update(self, values: ArrayLike) -> Wealth:
        """Return the wealth after the next block of observations, in their order.

        Raises:
            ValueError: a value lies outside the range of the bets.
        """
        block = np.atleast_1d(np.asarray(values, dtype=np.float64))
        if block.size == 0:
            return self
        products = np.cumsum(self.bets.log_factors(block), axis=-1)
        products += np.asarray(self.log_products)[:, None]
        path = self.bets.log_mixture(products)
        crossed_at = self.crossed_at
        if crossed_at is None and float(path.max()) >= self.log_threshold:
            crossed_at = self.n + int(np.argmax(path >= self.log_threshold)) + 1
        return replace(
            self,
            n=self.n + block.size,
            log_e=float(path[-1]),
            log_e_max=max(self.log_e_max, float(path.max())),
            crossed_at=crossed_at,
            log_products=tuple(float(v) for v in products[:, -1]),
        )
