"""The step that measures what an artefact takes on this machine, once, so that a resumed run agrees."""

import asyncio
import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suffice import files
from suffice.measure.counters import find
from suffice.measure.energy import EnergyMeter
from suffice.measure.latency import LatencyMeter, ThroughputMeter
from suffice.measure.memory import MemoryMeter
from suffice.measure.quality import requests_of
from suffice.measure.size import SizeMeter
from suffice.measurement import Environment, Interval, Measurement
from suffice.models import registry
from suffice.pipeline.prepare import PrepareRows
from suffice.pipeline.rows import read_rows
from suffice.pipeline.rungs.make_artefact import MakeArtefact
from suffice.pipeline.step import Step
from suffice.ports import Meter, Progress, Request
from suffice.task import Split

_FILE = "measurements.json"
# Requests that are timed: dev rows, so that nothing of the certify split is seen.
_REQUESTS = 256
# Long enough for p95 with an interval of a model that takes 25 ms, short enough for a ladder of ten.
_LATENCY_S, _THROUGHPUT_S = 2.0, 1.0


@dataclass(frozen=True, kw_only=True)
class MeasureRung:
    """Times an artefact's answers and weighs it, in the environment that is part of its identity."""

    artefact: MakeArtefact
    rows: PrepareRows
    environment: Environment

    @property
    def title(self) -> str:
        """Returns what is being done."""
        return f"measure {self.artefact.candidate.name}"

    @property
    def inputs(self) -> tuple[Step, ...]:
        """Returns the artefact and the rows."""
        return (self.artefact, self.rows)

    def make(self, out: Path, inputs: Sequence[Path], *, progress: Progress) -> None:
        """Writes the measurements of the artefact."""
        folder, rows = inputs[0], read_rows(inputs[1])
        samples = rows.splits[Split.DEV] or rows.splits[Split.TRAIN]
        requests = requests_of(samples[:_REQUESTS])
        with asyncio.Runner() as runner:
            found = runner.run(measured(folder, requests, progress=progress))
        write_measurements(out, found)


async def measured(
    folder: Path, requests: Sequence[Request], *, progress: Progress
) -> tuple[Measurement, ...]:
    """Returns everything that is measured of the model in a folder."""
    model = registry.load(folder)
    counters, missing = find()
    meters: tuple[Meter, ...] = (
        SizeMeter(folders=[folder]),
        LatencyMeter(budget_s=_LATENCY_S),
        ThroughputMeter(budget_s=_THROUGHPUT_S),
        MemoryMeter(folders=[folder]),
        EnergyMeter(counters=counters, why_none=[one.why for one in missing if one.is_there]),
    )
    found: list[Measurement] = []
    try:
        for count, meter in enumerate(meters):
            found += await meter.measure(model, requests)
            progress(f"measure {model.name}", count + 1, len(meters))
    finally:
        await model.close()
    return tuple(found)


def write_measurements(folder: Path, measurements: Sequence[Measurement]) -> None:
    """Writes measurements into a folder."""
    files.write_json(folder / _FILE, [dataclasses.asdict(measurement) for measurement in measurements])


def read_measurements(folder: Path) -> tuple[Measurement, ...]:
    """Returns the measurements that `write_measurements` wrote."""
    found = []
    for fields in json.loads((folder / _FILE).read_text(encoding="utf-8")):
        interval = fields.pop("interval")
        found.append(Measurement(interval=None if interval is None else Interval(**interval), **fields))
    return tuple(found)
