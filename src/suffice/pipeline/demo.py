"""The demonstration: the real pipeline on the invented data that come with the package."""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from suffice.pipeline.run import RunOutcome, RunSettings, run_task
from suffice.ports import Progress

JOBS = ("tickets", "urgency")


def demo_jobs(out: Path, *, seed: int, progress: Progress) -> Iterator[tuple[str, RunOutcome]]:
    """Yields each job's name and outcome. One is meant to be certified, one honestly is not.

    The demonstration has an error-budget account of its own, so that showing it again in a fresh
    folder does not count as a retry.
    """
    data = Path(str(resources.files("suffice"))) / "demo_data"
    settings = RunSettings(seed=seed, offline=True, quick=True, account=out / "account.sqlite")
    for name in JOBS:
        yield name, run_task(data / f"{name}.yaml", out=out / name, settings=settings, progress=progress)
