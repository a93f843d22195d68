"""What this machine has for the work, and what each missing extra would add."""

from collections.abc import Sequence
from dataclasses import dataclass

from suffice import extras
from suffice.measure import counters, environment
from suffice.measurement import Environment, Measurement


@dataclass(frozen=True, kw_only=True)
class ExtraState:
    """One optional part of suffice: whether it is there, what it adds, what to type for it."""

    name: str
    installed: bool
    adds: str
    install: str


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What `suffice doctor` shows. `energy_missing` says, source by source, why there is no counter."""

    environment: Environment
    bandwidth: Measurement
    energy_counters: Sequence[str]
    energy_missing: Sequence[str]
    extras: Sequence[ExtraState]


def examine(*, bandwidth: Measurement | None = None) -> Findings:
    """Returns the findings; takes about a second, for the memory bandwidth (unless it is given)."""
    found, missing = counters.find()
    return Findings(
        environment=environment.describe(),
        bandwidth=bandwidth or environment.memory_bandwidth(),
        energy_counters=[counter.name for counter in found],
        energy_missing=[one.why for one in missing],
        extras=[_state(name) for name in extras.EXTRAS],
    )


def _state(name: str) -> ExtraState:
    return ExtraState(
        name=name,
        installed=extras.is_installed(name),
        adds=extras.EXTRAS[name][1],
        install=extras.install(name),
    )
