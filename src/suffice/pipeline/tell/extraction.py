"""How well the chosen system finds each field of an extract task, on dev and, once decided, on certify."""

from suffice.cascade import Cascade
from suffice.certify.systems import Outcomes
from suffice.models.recorded import text_of
from suffice.pipeline.tell.findings import Findings
from suffice.pipeline.tell.inspect_dev import inspected
from suffice.report import facts as f
from suffice.score.fields import Estimate, FieldQuality, field_report
from suffice.task import Kind, Sample

_MOST_FIELDS = 60


def extraction_of(findings: Findings) -> tuple[f.ExtractionFacts, ...]:
    """Returns the fields' precision, recall and F1; () for other kinds of task.

    On certify only for a system that was tested, and on no row that its test did not pay for.
    """
    if findings.task.kind is not Kind.EXTRACT:
        return ()
    cascade = inspected(findings)
    choice, proof, chosen = findings.choice, findings.proof, findings.chosen
    found = [
        _facts(choice.graders.outcomes(cascade, 0, len(choice.rows)), choice.rows, cascade, findings, "dev")
    ]
    if proof is not None and chosen is not None:
        rows = proof.rows.rows[: chosen.n] if findings.is_paid(cascade) else proof.rows.rows
        outcomes = proof.graders.outcomes(cascade, 0, len(rows))
        found.append(_facts(outcomes, rows, cascade, findings, "certify"))
    return tuple(facts for facts in found if facts is not None)


def _facts(
    outcomes: Outcomes, rows: tuple[Sample, ...], cascade: Cascade, findings: Findings, split: str
) -> f.ExtractionFacts | None:
    answers = [
        text_of(row.reference) if answer is None and tier >= 0 else answer
        for answer, tier, row in zip(outcomes.answers, outcomes.tier, rows, strict=True)
    ]
    ignore_case = findings.task.quality.ignore_case
    report = field_report([row.target for row in rows], answers, ignore_case=ignore_case)
    if report is None:
        return None
    shown = sorted(report.fields, key=lambda field: (-field.wanted, field.name))[:_MOST_FIELDS]
    valid = _share(report.valid_json)
    if valid is None:
        return None
    return f.ExtractionFacts(
        model=cascade.name,
        split=split,
        n=report.n,
        micro=_field(report.micro),
        fields=tuple(map(_field, shown)),
        valid_json=valid,
    )


def _field(quality: FieldQuality) -> f.FieldFacts:
    return f.FieldFacts(
        name=quality.name,
        wanted=quality.wanted,
        precision=_share(quality.precision),
        recall=_share(quality.recall),
        f1=_share(quality.f1),
    )


def _share(estimate: Estimate) -> f.ShareFacts | None:
    if estimate.value is None or estimate.interval is None:
        return None
    ends = estimate.interval
    return f.ShareFacts(estimate=estimate.value, lower=ends.lower, upper=ends.upper, n=estimate.n)
