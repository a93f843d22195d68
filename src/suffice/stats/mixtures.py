"""Mixtures of bets for each target: how much to stake when the true gap is, or is not, known.

The growth-optimal (Kelly) fraction for a mean `gap` above the bar is gap / E[(X - bar)^2], and a
fraction r times that grows at 2r - r^2 of the best rate: a mixture whose neighbours lie within a
factor of two loses little at any gap in between, and log(1/w) nats at its own.
"""

from __future__ import annotations

from suffice.stats.betting import LARGEST_STAKE, Bets

__all__ = [
    "agreement_bets",
    "bernoulli_bets",
    "futility_bets",
    "paired_bets",
]

# Found by simulation (bench.proof, section "samples"): half of the stake on the design gap and
# the rest close to it loses the least there and stays consistent from a sixth of it upwards.
DESIGN_MULTIPLES = (0.15, 0.4, 0.65, 1.0, 1.5, 2.5)
DESIGN_WEIGHTS = (0.03, 0.07, 0.17, 0.5, 0.16, 0.07)

# Unknown gap: as shares of the room between the bar and perfection.
ROOM_SHARES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
ROOM_WEIGHTS = (0.08, 0.17, 0.17, 0.17, 0.17, 0.24)

# Paired bets around the Kelly fraction of a candidate exactly as good as its reference.
TWIN_MULTIPLES = (0.25, 0.5, 1.0, 1.6)
TWIN_WEIGHTS = (0.1, 0.2, 0.5, 0.2)

# The same without any hint of the disagreement rate.
UNKNOWN_DISAGREEMENT = 0.2
WIDE_MULTIPLES = (0.3, 0.6, 1.2, 2.5)
WIDE_WEIGHTS = (0.2, 0.3, 0.3, 0.2)


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

    Kelly-centred on a candidate whose true difference is `design_difference`, at a variance of
    the disagreement rate, which can be counted without labels and is at least P(D != 0)
    (reference/proof.md 2.5). Any value of the two hints is valid; they only move the power.

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
    spread = UNKNOWN_DISAGREEMENT if disagreement is None else disagreement
    multiples = WIDE_MULTIPLES if disagreement is None else TWIN_MULTIPLES
    weights = WIDE_WEIGHTS if disagreement is None else TWIN_WEIGHTS
    kelly = gap / (spread + gap * gap)
    return Bets(
        bar=-margin,
        low=-1.0,
        high=1.0,
        fractions=tuple(m * kelly for m in multiples),
        weights=weights,
    )


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
