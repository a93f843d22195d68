"""What a system takes to answer, put together from its tiers, and whether that keeps the limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from suffice.bar import ResourceBars
from suffice.cascade import REFERENCE, Cascade

_MB = 1e6


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one request takes; None where it was not measured.

    `cost_usd_per_1k` counts 1,000 requests; `memory_bytes` is resident memory while serving;
    `bytes` what must be shipped; `energy_j` one request.
    """

    cost_usd_per_1k: float | None = None
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None
    memory_bytes: float | None = None
    energy_j: float | None = None
    bytes: float | None = None

    def minimised(self, quantity: str) -> float | None:
        """Returns the number that `minimise` names."""
        return {
            "cost": self.cost_usd_per_1k,
            "latency": self.latency_p95_ms,
            "memory": self.memory_bytes,
            "energy": self.energy_j,
            "bytes": self.bytes,
        }[quantity]


def of_system(cascade: Cascade, parts: Mapping[str, Resources], reached: Sequence[float]) -> Resources:
    """Returns what a cascade takes, where `reached[k]` is the share of requests that reach tier k.

    Cost and energy add up by the share that reaches a tier; memory and bytes of all local tiers
    are needed at once (the reference's are somebody else's). A quantile of the latency is that of
    the last tier reached by more than the quantile's tail, after the tiers before it: an upper
    estimate, exact where a tier's latency varies little.
    """
    tiers = [parts[tier.model] for tier in cascade.tiers]
    local = [parts[name] for name in cascade.local_models]
    return Resources(
        cost_usd_per_1k=_weighted([t.cost_usd_per_1k for t in tiers], reached),
        energy_j=_weighted([t.energy_j for t in tiers], reached),
        latency_p50_ms=_latency([t.latency_p50_ms for t in tiers], reached, tail=0.5),
        latency_p95_ms=_latency([t.latency_p95_ms for t in tiers], reached, tail=0.05),
        memory_bytes=_total([t.memory_bytes for t in local]),
        bytes=_total([t.bytes for t in local]),
    )


def shortfall(resources: Resources, bars: ResourceBars) -> str | None:
    """Returns the first limit that is not kept, in words, or None.

    A limit on what could not be measured here is not kept: nothing shows that it is.
    """
    checks = (
        ("latency p95", resources.latency_p95_ms, bars.latency_p95_ms, "ms", 1.0),
        ("memory", resources.memory_bytes, bars.memory_mb, "MB", _MB),
        ("cost", resources.cost_usd_per_1k, bars.cost_usd_per_1k, "USD per 1,000", 1.0),
        ("energy", resources.energy_j, bars.energy_j, "J", 1.0),
        ("size", resources.bytes, bars.bytes_mb, "MB", _MB),
    )
    for name, measured, limit, unit, scale in checks:
        if limit is None:
            continue
        if measured is None:
            return f"{name} was not measured here, and the bar is {limit:g} {unit}"
        if measured / scale > limit:
            return f"{name} {measured / scale:.3g} {unit} is over the bar of {limit:g} {unit}"
    return None


def reached_shares(tier_of_row: Sequence[int], tiers: int) -> tuple[float, ...]:
    """Returns for each tier the share of rows that reach it (the first tier: 1)."""
    n = len(tier_of_row)
    if n == 0:
        return (1.0,) * tiers
    return tuple(sum(answered >= tier for answered in tier_of_row) / n for tier in range(tiers))


def uses_reference(cascade: Cascade) -> bool:
    """Says whether the last tier is the reference."""
    return cascade.tiers[-1].model == REFERENCE


def _weighted(values: Sequence[float | None], reached: Sequence[float]) -> float | None:
    known = [(v, share) for v, share in zip(values, reached, strict=True) if share > 0]
    if any(value is None for value, _ in known):
        return None
    return sum(value * share for value, share in known if value is not None)


def _latency(values: Sequence[float | None], reached: Sequence[float], *, tail: float) -> float | None:
    slow = [value for value, share in zip(values, reached, strict=True) if share > tail]
    if any(value is None for value in slow):
        return None
    return sum(value for value in slow if value is not None)


def _total(values: Sequence[float | None]) -> float | None:
    if any(value is None for value in values):
        return None
    return sum(value for value in values if value is not None)
