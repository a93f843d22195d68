"""The model in use now: its answers from the data, or asked for now; what it takes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from suffice.cascade import REFERENCE
from suffice.certify.resources import Resources
from suffice.measure import quality
from suffice.measurement import Measurement
from suffice.models.recorded import RecordedModel
from suffice.pipeline.open_rungs import Workbench, openai_model, resources_of, stated_measurements
from suffice.pipeline.remembered import Remembered
from suffice.pipeline.rows import Rows
from suffice.ports import Model
from suffice.readers.spec import Spec
from suffice.task import Split


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The reference with what answering takes. `mode`: recorded or live."""

    name: str
    mode: str
    measurements: tuple[Measurement, ...]
    resources: Resources


def open_reference(spec: Spec, bench: Workbench) -> tuple[Reference | None, Rows]:
    """Returns the reference, and the rows with its answers: those of a live one are asked for now.

    Raises:
        BudgetExceeded: asking would pass the spend cap, or none was set.
        ModelError: the reference does not answer.
    """
    if spec.reference is None:
        return None, bench.rows
    settings = spec.reference.model_dump()
    if spec.reference.openai is None:
        model: Model = RecordedModel.from_samples(
            REFERENCE, [sample for split in Split for sample in bench.rows.splits[split]]
        )
        rows, mode = bench.rows, "recorded"
    else:
        settings |= {k: v for k, v in spec.reference.openai.model_dump().items() if v is not None}
        live = openai_model(spec.reference.name, settings, bench)
        model = bench.remembered(live, f"openai {settings['base_url']} {settings['model']}")
        rows, mode = _answered(bench.rows, model, bench), "live"
    found = stated_measurements(model, rows.splits[Split.DEV], settings=settings, runner=bench.runner)
    return (
        Reference(name=spec.reference.name, mode=mode, measurements=found, resources=resources_of(found)),
        rows,
    )


def _answered(rows: Rows, model: Remembered, bench: Workbench) -> Rows:
    """Returns the rows with the live reference's answers, asked for dev and certify only."""
    asked = [*rows.splits[Split.DEV], *rows.splits[Split.CERTIFY]]
    answers: Sequence[object] = bench.runner.run(quality.ask(model, asked))
    by_key = {s.key: getattr(a, "text", None) for s, a in zip(asked, answers, strict=True)}
    splits = {
        split: tuple(
            replace(s, reference=by_key[s.key]) if by_key.get(s.key) is not None else s for s in samples
        )
        for split, samples in rows.splits.items()
    }
    return replace(rows, splits=splits)
