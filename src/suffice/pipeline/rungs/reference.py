"""The model in use now: its answers from the data, or asked for now; what it takes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from suffice.cascade import REFERENCE
from suffice.certify.resources import Resources
from suffice.errors import ModelError
from suffice.measure.quality import requests_of
from suffice.measurement import Measurement
from suffice.models.recorded import RecordedModel
from suffice.models.remembered import Remembered
from suffice.pipeline.rows import Rows
from suffice.pipeline.rungs.live_models import check_spend, openai_model, reference_settings
from suffice.pipeline.rungs.open_rungs import Workbench, resources_of, stated_measurements
from suffice.ports import Answer, Model
from suffice.readers.spec import Spec
from suffice.task import Sample, Split

# Which rows a reference does not answer may depend on the rows: a few are left out and told, more
# would make the test one of the easy rows.
_MOST_MISSING = 0.05


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The reference with what answering takes. `mode`: recorded or live. `notes`: what it did not answer."""

    name: str
    mode: str
    measurements: tuple[Measurement, ...]
    resources: Resources
    notes: tuple[str, ...] = ()


def open_reference(spec: Spec, bench: Workbench) -> tuple[Reference | None, Rows]:
    """Returns the reference, and the rows with its answers: those of a live one are asked for now.

    What all live models of the run may cost is held against the cap first.

    Raises:
        BudgetExceeded: asking would pass the spend cap, or none was set.
        ModelError: the reference does not answer, or leaves out too many rows.
    """
    rows = bench.rows
    notes: tuple[str, ...] = ()
    asked = [*rows.splits[Split.DEV], *rows.splits[Split.CERTIFY]]
    check_spend(spec, asked, calling=bench.calling, store=bench.store)
    if spec.reference is None:
        return None, rows
    settings = reference_settings(spec.reference)
    if spec.reference.openai is None:
        samples = [sample for split in Split for sample in rows.splits[split]]
        model: Model = RecordedModel.from_samples(REFERENCE, samples)
        mode = "recorded"
    else:
        one = openai_model(spec.reference.name, settings, bench.calling)
        model, mode = bench.remembered(one, one.identity), "live"
        rows, notes = _answered(rows, model, bench)
    dev = rows.splits[Split.DEV]
    if mode == "live":
        dev = tuple(sample for sample in dev if sample.reference is not None)  # the others failed just now
    found = stated_measurements(model, dev, settings=settings, runner=bench.runner)
    reference = Reference(
        name=spec.reference.name,
        mode=mode,
        measurements=found,
        resources=resources_of(found),
        notes=notes,
    )
    return reference, rows


def _answered(rows: Rows, model: Remembered, bench: Workbench) -> tuple[Rows, tuple[str, ...]]:
    """Returns the rows with the live reference's answers, asked for dev and certify only, and notes."""
    answers: dict[str, Answer] = {}
    missing = 0
    for split in (Split.DEV, Split.CERTIFY):
        samples = rows.splits[split]
        given = bench.runner.run(model.answer(requests_of(samples)))
        failed = [answer.error for answer in given if answer.error is not None]
        if len(failed) > _MOST_MISSING * len(samples):
            raise ModelError(
                f"{model.name} did not answer {len(failed):,} of {len(samples):,} {split.value} rows; "
                f"the first time: {failed[0]}",
                hint="what it answered is kept: run again when it answers, with a longer timeout_s if needed",
            )
        missing += len(failed)
        answers |= {sample.key: answer for sample, answer in zip(samples, given, strict=True)}
    rows_are = "row is" if missing == 1 else "rows are"
    note = (
        f"{missing:,} {rows_are} without a reference answer, because it failed there; the tests that compare "
        "with the reference use the others"
    )
    splits = {
        split: samples if split is Split.TRAIN else tuple(_referred(s, answers) for s in samples)
        for split, samples in rows.splits.items()
    }
    return replace(rows, splits=splits), (note,) if missing else ()


def _referred(sample: Sample, answers: Mapping[str, Answer]) -> Sample:
    """Returns the sample with the reference's answer; one that is no answer to the task as its note.

    In parentheses a note equals no label, so it counts as what it is: a wrong answer.
    """
    answer = answers[sample.key]
    if answer.error is not None:
        return sample
    text = answer.text if answer.text is not None else f"({'; '.join(answer.notes)})"
    return replace(sample, reference=text)
