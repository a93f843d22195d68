"""Which systems are tested, and in which order: settled on dev before any certify row is seen.

A system that costs more than another one which dev shows to be easier to certify would never be
chosen, so only the frontier of (cost, rows needed) is worth error budget. Along it, systems get
dearer and easier: the order both controllers of `stats.ladder` want.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from suffice.certify.estimates import SystemEstimate

# Where two systems need about equally many rows the cheaper one is tested alone: each further
# system on a descending path must be certified before the cheaper ones may be tried.
_CLOSE = 1.02
_MOST_SYSTEMS = 12


@dataclass(frozen=True, kw_only=True)
class Path:
    """The systems to test, cheapest first, and why each other one is not among them."""

    systems: tuple[SystemEstimate, ...]
    left_out: tuple[tuple[SystemEstimate, str], ...]


def frontier_path(estimates: Sequence[SystemEstimate], *, minimise: str, rows: int) -> Path:
    """Returns the path through the systems, given the number of certify rows there are.

    Where dev expects no system to pass within the rows, the one that needs the fewest is tested
    alone, so that the verdict still says what the certify rows show.
    """
    left_out = [(e, e.misses) for e in estimates if e.misses is not None]
    able = [e for e in estimates if e.misses is None]
    unmeasured = [e for e in able if e.resources.minimised(minimise) is None]
    left_out += [(e, f"its {minimise} was not measured, so it cannot be ranked") for e in unmeasured]
    ranked = sorted(
        (e for e in able if e.resources.minimised(minimise) is not None),
        key=lambda e: (_price(e, minimise), e.rows_needed or float("inf"), len(e.cascade.tiers)),
    )
    hopeful = [e for e in ranked if e.rows_needed is not None and e.rows_needed <= rows]
    if not hopeful and ranked:
        hopeful = [min(ranked, key=lambda e: (e.rows_needed or float("inf"), -e.cautious_mean))]
    chain: list[SystemEstimate] = []
    for system in hopeful:
        if not chain or _needs(system) * _CLOSE < _needs(chain[-1]):
            chain.append(system)
    kept = _thinned(chain)
    names = {system.cascade.name for system in kept}
    left_out += [(e, _why_not(e, kept, rows)) for e in ranked if e.cascade.name not in names]
    return Path(systems=tuple(kept), left_out=tuple(left_out))


def _thinned(chain: Sequence[SystemEstimate]) -> list[SystemEstimate]:
    """Keeps all single models and evenly spaced cascades: every further step is one more to pass."""
    if len(chain) <= _MOST_SYSTEMS:
        return list(chain)
    singles = [i for i, e in enumerate(chain) if len(e.cascade.tiers) == 1]
    cascades = [i for i, e in enumerate(chain) if len(e.cascade.tiers) > 1]
    room = max(_MOST_SYSTEMS - len(singles), 2)
    spaced = {cascades[round(k * (len(cascades) - 1) / (room - 1))] for k in range(room)}
    return [chain[i] for i in sorted({*singles, *spaced})]


def _why_not(system: SystemEstimate, kept: Sequence[SystemEstimate], rows: int) -> str:
    if system.rows_needed is None:
        return "dev shows it below the bar"
    if system.rows_needed > rows:
        return f"to show it would take about {system.rows_needed:,.0f} certify rows; there are {rows:,}"
    nearest = kept[0].cascade.name if kept else "none"
    return f"dev shows another system that is cheaper or easier to prove (cheapest tested: {nearest})"


def _needs(system: SystemEstimate) -> float:
    return system.rows_needed if system.rows_needed is not None else float("inf")


def _price(system: SystemEstimate, minimise: str) -> float:
    price = system.resources.minimised(minimise)
    return float("inf") if price is None else price
