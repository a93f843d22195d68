"""`suffice predict`: answer a file of inputs with the bundle of a run."""

import dataclasses
from pathlib import Path

import click

from suffice.cli.options import Common, common
from suffice.cli.progress import bars


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--input", "source", required=True, type=click.Path(path_type=Path), help="Rows to answer.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="JSON Lines, one a row.")
@click.option("--max-usd", type=float, help="Cap on what paid tiers may cost; none is asked without it.")
@common
def predict(folder: Path, source: Path, out: Path, max_usd: float | None, common: Common) -> int:
    """Answer every row of a file with the system that the run in FOLDER has chosen.

    Reads every format `run` reads. Writes `answer`, `confidence`, `tier` and `escalated` a row. Safe
    to kill: the same command goes on where it stopped, also after reaching the cap.
    """
    from suffice.pipeline.predict import predict_file

    with bars(shown=common.shows_progress) as progress:
        done = predict_file(folder, source, out, max_usd=max_usd, progress=progress)
    rows = "1 row" if done.rows == 1 else f"{done.rows:,} rows"
    words = f"{rows} answered into {out}; {done.escalated:,} escalated to the reference"
    if done.skipped:
        words += f"; {done.skipped:,} rows without input skipped"
    if done.failed:
        words += f"; {done.failed:,} not answered, see `error` in the file"
    if done.spent_usd:
        words += f"; ${done.spent_usd:.4f} spent"
    common.give({**dataclasses.asdict(done), "out": str(out)}, words)
    return 0
