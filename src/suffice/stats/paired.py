"""Paired non-inferiority: is the candidate at most `margin` worse than its reference on the same rows?

D = 1{candidate right} - 1{reference right}, H0: E[D] <= -margin. Where both outputs are the same
answer D is 0 whatever the truth is, so a label is needed only where they differ.

One stage: bet on D row by row; a row where both agree moves the wealth by log(1 + lam margin) and
costs no label. Two stages: bound the disagreement rate by d_U from unlabelled pairs, then label
random disagreements and test H0: E[D | differ] <= -margin / d_U. If E[D] <= -margin and
P(differ) <= d_U, then E[D | differ] = E[D] / P(differ) <= -margin / d_U, so the two errors add up
to alpha. The one-stage bet needs about 10% fewer labels and only as many
pairs as it uses, so it is the default; two stages pay off where thousands of unlabelled pairs are
recorded already and d_U <= margin may decide without a single label.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from suffice.stats.betting import Bets, Wealth
from suffice.stats.intervals import clopper_pearson_upper
from suffice.stats.mixtures import ONE_RIGHT_SHARE, TWIN_MULTIPLES, TWIN_WEIGHTS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["TwoStage", "UnlabelledPairs", "paired_differences", "two_stage"]

# Part of alpha spent on the bound of the disagreement rate; 0.2 costs 2 to 5% more labels.
BOUND_SHARE = 0.1


def paired_differences(candidate_right: ArrayLike, reference_right: ArrayLike) -> NDArray[np.float64]:
    """Return D = 1{candidate right} - 1{reference right}, one of -1, 0, 1 for each row.

    Raises:
        ValueError: the two do not have the same shape.
    """
    candidate = np.asarray(candidate_right, dtype=np.float64)
    reference = np.asarray(reference_right, dtype=np.float64)
    if candidate.shape != reference.shape:
        raise ValueError(f"{candidate.shape} candidate rows cannot be paired with {reference.shape} rows")
    return candidate - reference


@dataclass(frozen=True, kw_only=True)
class TwoStage:
    """What the second stage has to show, given the unlabelled first stage.

    Attributes:
        margin: allowed drop over all rows.
        disagreement: observed share of pairs whose outputs differ.
        disagreement_upper: d_U, its exact upper bound at `bound_alpha`.
        bound_alpha: error spent on the bound.
        bet_alpha: error left for the labelled bet.
        bets: the mixture against H0: E[D | differ] <= -margin / d_U; None when d_U <= margin,
            where the drop cannot exceed the margin and no label is needed at all.
    """

    margin: float
    disagreement: float
    disagreement_upper: float
    bound_alpha: float
    bet_alpha: float
    bets: Bets | None

    @property
    def needs_no_label(self) -> bool:
        """Whether the first stage alone has shown non-inferiority."""
        return self.bets is None

    def start(self) -> Wealth:
        """Return the wealth to feed with D of random disagreements, in random order.

        Raises:
            ValueError: the first stage has already decided.
        """
        if self.bets is None:
            raise ValueError("the unlabelled stage has decided; there is nothing left to label")
        return Wealth(bets=self.bets, log_threshold=-math.log(self.bet_alpha))


@dataclass(frozen=True, kw_only=True)
class UnlabelledPairs:
    """The first stage of the two-stage test, before its share of the error budget is known.

    Attributes:
        disagreements: pairs whose outputs differ.
        n_pairs: unlabelled pairs looked at, a number fixed beforehand.
        margin: allowed drop, in (0, 1).
        bound_share: part of alpha for the bound of the disagreement rate.
        design_difference: true E[D] planned for (0: as good as the reference).
    """

    disagreements: int
    n_pairs: int
    margin: float
    bound_share: float = BOUND_SHARE
    design_difference: float = 0.0

    def plan(self, alpha: float) -> TwoStage:
        """Return what the labelled stage has to show at this error; see `two_stage`."""
        return two_stage(
            self.disagreements,
            self.n_pairs,
            margin=self.margin,
            alpha=alpha,
            bound_share=self.bound_share,
            design_difference=self.design_difference,
        )


def two_stage(
    disagreements: int,
    n_pairs: int,
    *,
    margin: float,
    alpha: float,
    bound_share: float = BOUND_SHARE,
    design_difference: float = 0.0,
) -> TwoStage:
    """Return the plan of the labelled stage after `n_pairs` unlabelled pairs.

    Args:
        disagreements: pairs whose outputs differ.
        n_pairs: unlabelled pairs looked at, a number fixed beforehand.
        margin: allowed drop, in (0, 1).
        alpha: error of both stages together.
        bound_share: part of alpha for the bound of the disagreement rate.
        design_difference: true E[D] planned for (0: as good as the reference).

    Raises:
        ValueError: counts, margin or shares are impossible.
    """
    if not 0 < margin < 1:
        raise ValueError(f"the margin {margin} must lie strictly between 0 and 1")
    if not (0 < bound_share < 1 and 0 < alpha < 1):
        raise ValueError(f"alpha={alpha} and bound_share={bound_share} must lie in (0, 1)")
    if design_difference <= -margin:
        raise ValueError(f"the design difference {design_difference} is not above -{margin}")
    bound_alpha = bound_share * alpha
    upper = clopper_pearson_upper(disagreements, n_pairs, bound_alpha)
    bets = None
    if upper > margin:
        observed = max(disagreements / n_pairs, 1 / n_pairs)
        bets = _bets_on_disagreements(margin / upper, design_difference / observed)
    return TwoStage(
        margin=margin,
        disagreement=disagreements / n_pairs,
        disagreement_upper=upper,
        bound_alpha=bound_alpha,
        bet_alpha=alpha - bound_alpha,
        bets=bets,
    )


def _bets_on_disagreements(bar: float, design: float) -> Bets:
    gap = bar + max(design, -0.5 * bar)
    kelly = gap / (ONE_RIGHT_SHARE + gap * gap)
    return Bets(
        bar=-bar,
        low=-1.0,
        high=1.0,
        fractions=tuple(m * kelly for m in TWIN_MULTIPLES),
        weights=TWIN_WEIGHTS,
    )
