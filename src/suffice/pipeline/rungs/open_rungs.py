"""From the ladder to rungs that can be asked: artefacts made and measured, remote ones connected."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from suffice import fingerprint
from suffice.candidate import Candidate, Ladder
from suffice.certify.resources import Resources
from suffice.errors import SpecError
from suffice.measure import quality
from suffice.measure.cost import own_cost, token_cost
from suffice.measure.latency import stated_latency
from suffice.measure.price_book import Machine
from suffice.measurement import Environment, Measurement, not_measured
from suffice.models import registry
from suffice.models.http.openai import OpenAIModel
from suffice.models.http.spend import SpendAccount
from suffice.models.recorded import RecordedModel
from suffice.models.remembered import Remembered
from suffice.pipeline.prepare import PrepareRows
from suffice.pipeline.rows import Rows
from suffice.pipeline.rungs.live_models import Calling, openai_model, price_of, prompt_of
from suffice.pipeline.rungs.make_artefact import MakeArtefact, artefact_steps
from suffice.pipeline.rungs.measure_rung import MeasureRung, read_measurements
from suffice.pipeline.rungs.rung import Rung
from suffice.pipeline.step import Executor
from suffice.ports import Model, Progress, Store
from suffice.task import Sample, Split


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """What opening rungs takes: the rows and the step they come from, and everything that does the work.

    `closing` closes the opened models when the run is over.
    """

    rows: Rows
    prepared: PrepareRows
    executor: Executor
    store: Store
    runner: asyncio.Runner
    progress: Progress
    environment: Environment
    machine: Machine
    account: SpendAccount
    offline: bool
    seed: int
    closing: ExitStack

    @property
    def calling(self) -> Calling:
        """Returns what the run's live models share."""
        rows = self.rows
        return Calling(
            labels=rows.labels,
            account=self.account,
            offline=self.offline,
            prompt=prompt_of(rows.kind, schema=rows.schema, instruction=rows.instruction),
        )

    def remembered(self, model: Model, name: str) -> Remembered:
        """Returns the model with its answers kept in the store, under its fingerprint."""
        self.closing.callback(lambda: self.runner.run(model.close()))
        return Remembered(model, fingerprint=name, store=self.store, progress=self.progress)


def open_rungs(ladder: Ladder, known: Ladder, bench: Workbench) -> list[Rung]:
    """Returns a rung for each candidate of the ladder; `known` holds further candidates that may teach."""
    steps = artefact_steps(
        Ladder(candidates=(*known.candidates, *(c for c in ladder.candidates if c not in known.candidates))),
        bench.prepared,
        seed=bench.seed,
    )
    return [_open(candidate, steps, bench) for candidate in ladder.candidates]


def _open(candidate: Candidate, steps: Mapping[str, MakeArtefact], bench: Workbench) -> Rung:
    if candidate.name in steps:
        return _made(candidate, steps[candidate.name], bench)
    folder = bench.store.workplace(candidate.fingerprint)
    model = _given(candidate, bench)
    model.seal(folder)
    place = bench.store.keep_artefact(candidate.fingerprint, folder)
    # A live model's artefact says how long to wait, too; its answers do not depend on that.
    answers = model.identity if isinstance(model, OpenAIModel) else _name_of(place)
    kept = bench.remembered(model, answers)
    return Rung(
        candidate=candidate,
        model=kept,
        fingerprint=_name_of(place),
        folder=place,
        **_stated(kept, candidate, bench),  # type: ignore[arg-type]
    )


def _made(candidate: Candidate, step: MakeArtefact, bench: Workbench) -> Rung:
    folder = bench.executor.folder_of(step)
    measuring = MeasureRung(artefact=step, rows=bench.prepared, environment=bench.environment)
    measurements = read_measurements(bench.executor.folder_of(measuring))
    by_name = {m.quantity: m for m in measurements}
    cost = own_cost(by_name["throughput_per_s"], bench.machine)
    return Rung(
        candidate=candidate,
        model=bench.remembered(_Named(registry.load(folder), candidate.name), _name_of(folder)),
        fingerprint=_name_of(folder),
        folder=folder,
        measurements=(*measurements, cost),
        resources=resources_of((*measurements, cost)),
    )


def resources_of(measurements: Sequence[Measurement]) -> Resources:
    """Returns the resources that measurements state. Limits are held against the interval's upper end.

    Bytes and memory of few starts have no interval: there the value itself counts.
    """
    by_name = {m.quantity: m for m in measurements}

    def upper(name: str) -> float | None:
        found = by_name.get(name)
        if found is None or found.value is None:
            return None
        return found.value if found.interval is None else found.interval.upper

    def value(name: str) -> float | None:
        return None if name not in by_name else by_name[name].value

    return Resources(
        cost_usd_per_1k=value("cost_usd_per_1k"),
        latency_p50_ms=value("latency_p50_ms"),
        latency_p95_ms=upper("latency_p95_ms"),
        memory_bytes=upper("memory_bytes"),
        energy_j=value("energy_j"),
        bytes=value("bytes"),
    )


def _given(candidate: Candidate, bench: Workbench) -> RecordedModel | OpenAIModel:
    if candidate.kind == "recorded":
        samples = [sample for split in Split for sample in bench.rows.splits[split]]
        return RecordedModel.from_samples(candidate.name, samples)
    if candidate.kind == "openai":
        return openai_model(candidate.name, dict(candidate.settings), bench.calling)
    raise SpecError(
        f"candidate {candidate.name!r} of kind {candidate.kind!r} cannot be part of a ladder",
        hint="a fake model's numbers are made up, so it can never be certified",
    )


def _stated(model: Model, candidate: Candidate, bench: Workbench) -> dict[str, object]:
    """Returns measurements and resources of a model that is not served here: as its answers state them."""
    measurements = stated_measurements(
        model, bench.rows.splits[Split.DEV], settings=dict(candidate.settings), runner=bench.runner
    )
    return {"measurements": measurements, "resources": resources_of(measurements)}


def stated_measurements(
    model: Model, samples: Sequence[Sample], *, settings: Mapping[str, object], runner: asyncio.Runner
) -> tuple[Measurement, ...]:
    """Returns what a recorded or remote model's answers and its price say about latency and cost."""
    answers = runner.run(quality.ask(model, samples))
    found = stated_latency(answers)
    known_ms = settings.get("latency_ms")
    if isinstance(known_ms, int | float):
        found = [
            Measurement(quantity=m.quantity, value=float(known_ms), unit="ms", n=1, split="as stated")
            for m in found
        ]
    price = price_of(settings)
    if price is None:
        why = "no price was given"
        cost = not_measured("cost_usd_per_1k", "usd_per_1k", why=why)
    else:
        cost = token_cost(quality.requests_of(samples), answers, price).measurement
    size_b = settings.get("size_b")
    size = (
        Measurement(
            quantity="bytes", value=float(size_b) * 2e9, unit="bytes", n=1, split="2 bytes a parameter"
        )
        if isinstance(size_b, int | float)
        else not_measured("bytes", "bytes", why="it is not served on this machine")
    )
    memory = not_measured("memory_bytes", "bytes", why="it is not served on this machine")
    energy = not_measured("energy_j", "j", why="it is not served on this machine")
    return (*found, cost, size, memory, energy)


def _name_of(folder: Path) -> str:
    """Returns the fingerprint of an artefact: the sha256 over its files' hashes."""
    return fingerprint.of_value(fingerprint.of_folder(folder))


class _Named:
    """A model under its candidate's name: two rungs may be served by the same kind of model."""

    def __init__(self, model: Model, name: str) -> None:
        self._model = model
        self.name = name
        self.simulated = model.simulated
        self.answer = model.answer
        self.close = model.close
