"""`suffice doctor`: what this machine has, and what each extra would add."""

import click

from suffice.cli.options import Common, common


@click.command()
@common
def doctor(common: Common) -> int:
    """Show cores, memory, bandwidth, energy counters, and which extras are there."""
    from suffice.measure.doctor import examine

    found = examine()
    common.give(found.to_json(), found.to_text())
    return 0
