"""`suffice doctor`: what this machine has, and what each extra would add."""

import dataclasses
from typing import TYPE_CHECKING

import click

from suffice.cli.options import Common, common

if TYPE_CHECKING:
    from suffice.measure.doctor import Findings


@click.command()
@common
def doctor(common: Common) -> int:
    """Show cores, memory, bandwidth, energy counters, and which extras are there."""
    from suffice.measure.doctor import examine

    found = examine()
    common.give(dataclasses.asdict(found), _as_text(found))
    return 0


def _as_text(found: "Findings") -> str:
    machine, bandwidth = found.environment, found.bandwidth
    speed = (
        f"not measured: {bandwidth.unmeasured}" if bandwidth.value is None else f"{bandwidth.value:.1f} GB/s"
    )
    energy = ", ".join(found.energy_counters) or f"not measured: {'; '.join(found.energy_missing)}"
    lines = [
        f"processor  {machine.machine}, {machine.cores} cores",
        f"memory     {machine.memory_bytes / 1e9:.1f} GB, read at {speed}",
        f"system     {machine.system}, Python {machine.python}",
        f"energy     {energy}",
        "",
        "extras",
    ]
    for extra in found.extras:
        state = "installed" if extra.installed else f"missing; {extra.install}"
        lines.append(f"  {extra.name:<8} {extra.adds}: {state}")
    return "\n".join(lines)
