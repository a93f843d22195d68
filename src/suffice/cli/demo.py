"""`suffice demo`: the real pipeline on the data that come with the package."""

from pathlib import Path

import click

from suffice.cli.options import Common, common
from suffice.cli.progress import bars


@click.command()
@click.option(
    "--out",
    default="runs/demo",
    type=click.Path(path_type=Path),
    show_default=True,
    help="Folder of the runs.",
)
@common
def demo(out: Path, common: Common) -> int:
    """Run two jobs on invented support-desk messages: one is certified, one honestly is not.

    No key, no network. The messages and the reference's answers are made up; the models, the
    measurements and the mathematics are real.
    """
    from suffice.cli.shown import as_text
    from suffice.pipeline.demo import demo_jobs
    from suffice.report.facts import to_json

    common.say("Invented data: support-desk messages and an imaginary large model's recorded answers.")
    common.say("Real: the models trained, the measurements on this machine, and the proof.\n")
    results = {}
    with bars(shown=common.shows_progress) as progress:
        for name, outcome in demo_jobs(out, seed=common.seed, progress=progress):
            results[name] = to_json(outcome.facts)
            common.say(as_text(outcome.facts, outcome.folder) + "\n")
    common.give(results, f"reports: {out}/*/report.html")
    return 0
