"""Where the chosen system is weak, seen on dev: confusions, worst slices, calibration."""

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np

from suffice.cascade import Cascade
from suffice.forms import label_form as normal
from suffice.measure import quality
from suffice.models.recorded import text_of
from suffice.pipeline.tell.findings import Findings
from suffice.ports import Answer
from suffice.report import facts as f
from suffice.score.slices import NO_ANSWER, confusions, worst_slices
from suffice.stats.calibration import expected_calibration_error
from suffice.stats.intervals import wilson
from suffice.task import Kind, Sample

_MATRIX_LABELS = 30
_BINS = 10
_CONFUSIONS = 12


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inspection:
    """What the page shows of one system on dev; empty where dev has no truth."""

    inspected: f.InspectedFacts | None = None
    confusions: tuple[f.ConfusionFacts, ...] = ()
    confusion_matrix: f.ConfusionMatrix | None = None
    slices: tuple[f.SliceFacts, ...] = ()
    calibration: f.CalibrationFacts | None = None


def inspect(findings: Findings) -> Inspection:
    """Returns the inspection of the chosen system, or of the best single model where none was chosen."""
    cascade = inspected(findings)
    rows = findings.choice.rows
    outcomes = findings.choice.graders.outcomes(cascade, 0, len(rows))
    texts = [
        answer if answer is not None or tier < 0 else row.reference
        for answer, tier, row in zip(outcomes.answers, outcomes.tier, rows, strict=True)
    ]
    known = [
        (row, text_of(text), worth)
        for row, text, worth in zip(rows, texts, outcomes.right, strict=True)
        if row.target is not None
    ]
    if not known:
        return Inspection()
    samples = [row for row, _, _ in known]
    answers = [Answer(text=text) for _, text, _ in known]
    worth = [float(value) for _, _, value in known]
    is_labels = findings.task.kind is Kind.CLASSIFY
    return Inspection(
        inspected=f.InspectedFacts(model=cascade.name, split="dev", n=len(known)),
        confusions=_confusions(samples, answers) if is_labels else (),
        confusion_matrix=_matrix(samples, answers, findings.task.labels) if is_labels else None,
        slices=tuple(
            f.SliceFacts(
                name=f"{s.by}: {s.name}",
                n=s.n,
                estimate=s.quality,
                lower=s.interval.lower,
                upper=s.interval.upper,
            )
            for s in worst_slices(samples, answers, worth, by_label=is_labels)
        ),
        calibration=_calibration(findings, cascade, samples),
    )


def _confusions(samples: Sequence[Sample], answers: Sequence[Answer]) -> tuple[f.ConfusionFacts, ...]:
    return tuple(
        f.ConfusionFacts(**dataclasses.asdict(c)) for c in confusions(samples, answers, top=_CONFUSIONS)
    )


def inspected(findings: Findings) -> Cascade:
    """Returns the chosen system, or the single model that dev finds best where none was chosen."""
    if findings.chosen is not None:
        return findings.chosen.system.cascade
    singles = [e for e in findings.choice.estimates if len(e.cascade.tiers) == 1]
    return max(singles, key=lambda e: e.mean).cascade


def _matrix(
    samples: Sequence[Sample], answers: Sequence[Answer], labels: Sequence[str]
) -> f.ConfusionMatrix | None:
    """Returns the counts by wanted and answered label, for few labels only."""
    if len(labels) > _MATRIX_LABELS:
        return None
    name_of = {normal(label): label for label in labels}
    other = "(another label)"
    counts: Counter[tuple[str, str]] = Counter()
    for sample, answer in zip(samples, answers, strict=True):
        wanted = name_of.get(normal(str(sample.target)), other)
        given = NO_ANSWER if answer.text is None else name_of.get(normal(answer.text), other)
        counts[wanted, given] += 1
    extra_rows = [other] if any(wanted == other for wanted, _ in counts) else []
    extra = [name for name in (other, NO_ANSWER) if any(given == name for _, given in counts)]
    rows, columns = (*labels, *extra_rows), (*labels, *extra)
    return f.ConfusionMatrix(
        wanted=rows,
        answered=columns,
        counts=tuple(tuple(counts[row, column] for column in columns) for row in rows),
    )


def _calibration(
    findings: Findings, cascade: Cascade, samples: Sequence[Sample]
) -> f.CalibrationFacts | None:
    """Returns how the first tier's confidence compares with its accuracy on dev; None for shades of worth."""
    if not cascade.local_models:
        return None
    model = findings.rung(cascade.local_models[0]).model
    answers = findings.grading.runner.run(quality.ask(model, samples))
    worth = findings.grading.grade([s.target for s in samples], [a.text for a in answers])
    stated = [
        (a.confidence, value == 1.0)
        for a, value in zip(answers, worth, strict=True)
        if a.confidence is not None
    ]
    if not np.isin(worth, (0.0, 1.0)).all():
        return None
    if len(stated) < 2 * _BINS:
        return None
    confidence = np.array([c for c, _ in stated])
    right = np.array([r for _, r in stated], dtype=np.float64)
    order = np.argsort(confidence, kind="stable")
    bins = []
    for part in np.array_split(order, _BINS):
        hits, n = int(right[part].sum()), int(part.size)
        ends = wilson(hits, n)
        bins.append(
            f.CalibrationBin(
                confidence=float(confidence[part].mean()),
                accuracy=hits / n,
                n=n,
                lower=ends.lower,
                upper=ends.upper,
            )
        )
    return f.CalibrationFacts(bins=tuple(bins), ece=expected_calibration_error(confidence, right, bins=_BINS))
