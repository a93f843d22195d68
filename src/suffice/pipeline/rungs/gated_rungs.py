"""Recorded models get a gate: they tell no confidence, so it is learnt on train when escalating pays."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from suffice import fingerprint
from suffice.adapt.encoder.quantised_body import write_body
from suffice.adapt.encoder.weights import find_encoder
from suffice.adapt.gain.fit import LEAST_ROWS, fit_gain
from suffice.bar import Metric, Target
from suffice.certify.graded import Grade
from suffice.errors import ArtefactError
from suffice.measure import quality
from suffice.measurement import Measurement
from suffice.models.gain import gate
from suffice.models.recorded import text_of
from suffice.pipeline.rungs.open_rungs import Workbench
from suffice.pipeline.rungs.rung import Rung
from suffice.ports import Answer
from suffice.readers.spec import Spec
from suffice.task import Sample, Split

# The score grows little beyond this many rows, and each takes the encoder some milliseconds.
_MOST_ROWS = 4_000
_ROWS_LEARNT_FROM = "gate_rows"


def gated_rungs(rungs: Sequence[Rung], spec: Spec, bench: Workbench, *, grade: Grade) -> list[Rung]:
    """Returns the rungs; where there is a reference, recorded models are put behind a gate.

    The gate learns on train rows that have a truth and both answers, so dev and certify stay
    what they are for. With too few of them, or marks between 0 and 1, the rung stays as it is.
    """
    if spec.reference is None or spec.quality_bar.target is Target.AGREEMENT:
        return list(rungs)
    if spec.quality_bar.metric is Metric.JUDGE:  # it would be asked about every train row
        return list(rungs)
    rows = [s for s in bench.rows.splits[Split.TRAIN] if s.target is not None and s.reference is not None]
    # Keys are hashes, so the first ones are a random part, and the same one in every run.
    rows = sorted(rows, key=lambda sample: sample.key)[:_MOST_ROWS]
    return [
        _gated(rung, rows, bench, grade=grade) if rung.candidate.kind == "recorded" else rung
        for rung in rungs
    ]


def gate_notes(rungs: Sequence[Rung]) -> tuple[str, ...]:
    """Returns in words which models have a gate, and what it has learnt from."""
    return tuple(
        f"{rung.name} passes requests up where a gate expects a gain from it: a score learnt on "
        f"{m.value:,.0f} train rows with a truth and both answers"
        for rung in rungs
        for m in rung.measurements
        if m.quantity == _ROWS_LEARNT_FROM and m.value is not None
    )


def _gated(rung: Rung, rows: Sequence[Sample], bench: Workbench, *, grade: Grade) -> Rung:
    given = bench.runner.run(quality.ask(rung.model, rows))
    both = [(row, answer) for row, answer in zip(rows, given, strict=True) if answer.text is not None]
    if len(both) < LEAST_ROWS:
        return rung
    name = fingerprint.of_value((gate.KIND, rung.name, rung.fingerprint, [_facts(*pair) for pair in both]))
    folder = bench.store.artefact(name)
    if folder is None:
        made = bench.store.workplace(name)
        if not _seal(rung, both, out=made, bench=bench, grade=grade):
            return rung
        folder = bench.store.keep_artefact(name, made)
    rows_learnt = Measurement(
        quantity=_ROWS_LEARNT_FROM, value=len(both), unit="rows", n=len(both), split="train"
    )
    identity = fingerprint.of_value(fingerprint.of_folder(folder))
    return replace(
        rung,
        # Its trust takes the encoder milliseconds a row: kept, so that a run that goes on need not ask again.
        model=bench.remembered(gate.GatedModel.over(rung.model, folder), identity),
        fingerprint=identity,
        folder=folder,
        measurements=(*rung.measurements, rows_learnt),
    )


def _facts(row: Sample, answer: Answer) -> tuple[str, str, str, str]:
    return row.key, str(row.target), str(row.reference), str(answer.text)


def _seal(
    rung: Rung, both: Sequence[tuple[Sample, Answer]], *, out: Path, bench: Workbench, grade: Grade
) -> bool:
    """Writes the gate into `out`; says whether there is something to learn."""
    rows, answers = [row for row, _ in both], [answer for _, answer in both]
    targets = [row.target for row in rows]
    small = grade(targets, [answer.text for answer in answers])
    large = grade(targets, [text_of(row.reference) for row in rows])
    if not np.isin(np.concatenate([small, large]), (0.0, 1.0)).all():
        return False
    encoder = _encoder(bench)
    bench.progress(f"learning when {rung.name} should pass requests up", 0, 1)
    # More threads than free cores wait for one another; and one thread always sums in the same order.
    with threadpool_limits(limits=1):
        gain = fit_gain(
            gate.exchanges_of([row.text for row in rows], answers),
            small,
            large,
            embed=None if encoder is None else gate.embedder(encoder),
            seed=bench.seed,
        )
    bench.progress(f"learning when {rung.name} should pass requests up", 1, 1)
    if gain.order != "learnt":
        return False
    gate.seal(rung.folder, gain, out=out, name=rung.name, encoder=encoder)
    return True


def _encoder(bench: Workbench) -> Path | None:
    """Returns a folder with the 8-bit encoder, or None where its weights are not there."""
    name = fingerprint.of_value(("gate", "encoder"))
    if (done := bench.store.artefact(name)) is not None:
        return done
    try:
        found = find_encoder()
    except ArtefactError:
        return None
    folder = bench.store.workplace(name)
    write_body(found, folder)
    return bench.store.keep_artefact(name, folder)
