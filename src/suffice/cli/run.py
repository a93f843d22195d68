"""`suffice run`: climb, certify, report."""

from pathlib import Path
from typing import Any

import click

from suffice.bar import Verdict
from suffice.cli.options import Common, common
from suffice.cli.progress import bars

# What the command leaves with, by verdict.
EXIT_CODES = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCONCLUSIVE: 3, Verdict.NOT_TESTED: 3}


@click.command()
@click.argument("task", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Run folder  [default: runs/NAME]")
@click.option("--max-usd", type=float, help="Cap on what paid models may cost; none is asked without it.")
@click.option("--quick", is_flag=True, help="Leave out rungs that take minutes to train.")
@click.option("--prices", type=click.Path(path_type=Path), help="Your own price book.")
@click.option("--machine", help="Your machine's name in the price book.")
@common
def run(task: Path, out: Path | None, common: Common, **chosen: Any) -> int:
    """Find the smallest model that clears TASK's bar, and prove it.

    Safe to kill: the same command goes on where it stopped.
    """
    from suffice.cli.shown import as_text
    from suffice.pipeline.run import RunSettings, run_task
    from suffice.report.facts import to_json

    given = {name: value for name, value in chosen.items() if value is not None}
    settings = RunSettings(seed=common.seed, offline=common.offline, **given)
    with bars(shown=common.shows_progress) as progress:
        outcome = run_task(task, out=out, settings=settings, progress=progress)
    common.give(to_json(outcome.facts), as_text(outcome.facts, outcome.folder))
    return EXIT_CODES[outcome.facts.verdict]
