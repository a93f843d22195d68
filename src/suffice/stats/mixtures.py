"""Mixtures of bets for each target: how much to stake when the true gap is, or is not, known.

The growth-optimal (Kelly) fraction for a mean `gap` above the bar is gap / E[(X - bar)^2], and a
fraction r times that grows at 2r - r^2 of the best rate: a mixture whose neighbours lie within a
factor of two loses little at any gap in between, and log(1/w) nats at its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from suffice.stats.betting import LARGEST_STAKE, Bets

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "agreement_bets",
    "bernoulli_bets",
    "cascade_bets",
    "futility_bets",
    "hedged_bernoulli_bets",
    "paired_bets",
]

# Found by simulation (bench.proof, section "samples"): half of the stake on the design gap and
# the rest close to it loses the least there and stays consistent from a sixth of it upwards.
DESIGN_MULTIPLES = (0.15, 0.4, 0.65, 1.0, 1.5, 2.5)
DESIGN_WEIGHTS = (0.03, 0.07, 0.17, 0.5, 0.16, 0.07)

# Unknown gap: as shares of the room between the bar and perfection. In the Brownian limit steps
# of two lose least over a factor of 16; the first share only keeps smaller gaps within reach.
ROOM_SHARES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
ROOM_WEIGHTS = (0.02, 0.18, 0.19, 0.19, 0.19, 0.23)

# Around the Kelly fraction of a candidate exactly as good as its reference. Uniform weights on
# (.25, .5, 1, 1.6) cost 12% more labels in the same simulation (section "labels").
TWIN_MULTIPLES = (0.3, 0.6, 1.0, 1.6, 2.4)
TWIN_WEIGHTS = (0.08, 0.18, 0.5, 0.18, 0.06)

# Where two outputs differ, both may be wrong: the share with exactly one right, assumed.
ONE_RIGHT_SHARE = 0.8

# The same without any hint of the disagreement rate.
UNKNOWN_DISAGREEMENT = 0.2
WIDE_MULTIPLES = (0.3, 0.6, 1.2, 2.5)
WIDE_WEIGHTS = (0.2, 0.3, 0.3, 0.2)

# Around the fraction that needs the smallest gap at a given number of rows.
HORIZON_MULTIPLES = (0.5, 1.0, 1.8)
HORIZON_WEIGHTS = (0.2, 0.6, 0.2)


def _bernoulli_gaps(room: float, design_gap: float | None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if design_gap is None:
        return tuple(share * room for share in ROOM_SHARES), ROOM_WEIGHTS
    if not 0 < design_gap <= room:
        raise ValueError(f"the design gap {design_gap} must lie in (0, {room}]")
    return tuple(min(m * design_gap, room) for m in DESIGN_MULTIPLES), DESIGN_WEIGHTS


def bernoulli_bets(bar: float, *, design_gap: float | None = None) -> Bets:
    """Return bets against H0: P(X = 1) <= bar for X in {0, 1} (the absolute target).

    For Bernoulli variables the fraction gap / (bar (1 - bar)) makes each factor the likelihood
    ratio of bar + gap against bar, so the mixture is the mixture SPRT (Robbins 1970).

    Args:
        bar: the success rate to exceed, in (0, 1).
        design_gap: the gap above the bar the user plans for; half of the weight goes there.

    Raises:
        ValueError: the bar is not inside (0, 1) or the design gap leaves no room.
    """
    if not 0 < bar < 1:
        raise ValueError(f"the bar {bar} must lie strictly between 0 and 1")
    gaps, weights = _bernoulli_gaps(1 - bar, design_gap)
    scale = bar * (1 - bar)
    return Bets(bar=bar, low=0.0, high=1.0, fractions=tuple(g / scale for g in gaps), weights=weights)


def hedged_bernoulli_bets(bar: float, *, design_gap: float | None) -> Bets:
    """Return bets of which half are for the design gap and half for any gap.

    For a design gap that is itself estimated: where a dev split of 150 to 400 rows sets it, the
    bets of `bernoulli_bets` alone took 19 to 43% more rows; where 800 rows set it the hedge cost 4%.

    Raises:
        ValueError: the bar or the gap is out of range.
    """
    wide = bernoulli_bets(bar)
    if design_gap is None:
        return wide
    design = bernoulli_bets(bar, design_gap=design_gap)
    return Bets(
        bar=bar,
        low=0.0,
        high=1.0,
        fractions=design.fractions + wide.fractions,
        weights=tuple(weight / 2 for weight in design.weights + wide.weights),
    )


def agreement_bets(margin: float, *, design_disagreement: float | None = None) -> Bets:
    """Return bets against H0: P(X = 1) <= 1 - margin, X = 1 where the two outputs agree.

    Args:
        margin: largest acceptable rate of disagreement, in (0, 1).
        design_disagreement: the rate the user plans for, below the margin.

    Raises:
        ValueError: the margin or the design is out of range.
    """
    design_gap = None if design_disagreement is None else margin - design_disagreement
    return bernoulli_bets(1 - margin, design_gap=design_gap)


def paired_bets(margin: float, *, disagreement: float | None = None, design_difference: float = 0.0) -> Bets:
    """Return bets against H0: E[D] <= -margin, D = 1{candidate right} - 1{reference right}.

    Kelly-centred on a candidate whose true difference is `design_difference`. The variance of D
    is about P(exactly one right), a fixed part of the disagreement rate, which can be counted
    without labels. Any value of the hints is valid; they move only power.

    Args:
        margin: allowed drop, in (0, 1).
        disagreement: estimated P(outputs differ); from unlabelled or development rows. Without
            it, 0.2 is assumed and the bets are spread wider.
        design_difference: the true difference planned for, above -margin.

    Raises:
        ValueError: a rate is out of range.
    """
    if not 0 < margin < 1:
        raise ValueError(f"the margin {margin} must lie strictly between 0 and 1")
    gap = margin + design_difference
    if gap <= 0:
        raise ValueError(f"the design difference {design_difference} is not above -{margin}")
    if disagreement is not None and not 0 <= disagreement <= 1:
        raise ValueError(f"the disagreement rate {disagreement} is not a share")
    multiples, weights = (
        (WIDE_MULTIPLES, WIDE_WEIGHTS) if disagreement is None else (TWIN_MULTIPLES, TWIN_WEIGHTS)
    )
    differing = UNKNOWN_DISAGREEMENT if disagreement is None else disagreement
    # Where few outputs are thought to differ the fraction passes the largest safe one. Cut first, it leaves
    # smaller ones in the mixture: bets that are all the largest are ruined by the first few losses.
    kelly = min(gap / (ONE_RIGHT_SHARE * differing + gap * gap), LARGEST_STAKE / (1 - margin))
    return _paired_mixture(margin, [m * kelly for m in multiples], weights)


def cascade_bets(margin: float, *, variance: float, horizon: int, alpha: float) -> Bets:
    """Return bets against H0: E[D] <= -margin tuned to one number of rows instead of one gap.

    With lam = sqrt(2 ln(1/alpha) / (n v)) the wealth reaches 1/alpha within n rows at the
    smallest gap any fixed bet can show there (Waudby-Smith & Ramdas 2024, section 4.1).

    Args:
        margin: allowed drop, in (0, 1).
        variance: estimated E[D^2], for a cascade the share of rows kept and with exactly one
            right, from development rows.
        horizon: rows there will be.
        alpha: error of the walk.

    Raises:
        ValueError: a number is out of range.
    """
    if not (0 < margin < 1 and 0 < alpha < 1 and horizon >= 1 and variance >= 0):
        raise ValueError(f"impossible bets: {margin=}, {variance=}, {horizon=}, {alpha=}")
    best = math.sqrt(2 * math.log(1 / alpha) / (horizon * max(variance, 1 / horizon)))
    return _paired_mixture(margin, [m * best for m in HORIZON_MULTIPLES], HORIZON_WEIGHTS)


def _paired_mixture(margin: float, fractions: Sequence[float], weights: tuple[float, ...]) -> Bets:
    return Bets(bar=-margin, low=-1.0, high=1.0, fractions=tuple(fractions), weights=weights)


def futility_bets(bets: Bets, *, gap: float = 0.0) -> Bets:
    """Return bets against H0': E[X] >= bar + gap, the reverse of `bets`.

    With `gap` = 0 a stop says "below the bar"; with the design gap it says "not as good as was
    planned for", which stops a candidate exactly at the bar too and costs at most beta of power
    at the design gap. Type-I error is untouched either way: futility never certifies.
    """
    bar = min(bets.bar + gap, bets.high - (1 - LARGEST_STAKE) * (bets.high - bets.bar))
    scale = 1.0
    if (bets.low, bets.high) == (0.0, 1.0) and 0 < bets.bar < 1:
        scale = bets.bar * (1 - bets.bar) / (bar * (1 - bar))
    return Bets(
        bar=bar,
        low=bets.low,
        high=bets.high,
        fractions=tuple(f * scale for f in bets.fractions),
        weights=bets.weights,
        direction="below",
    )
