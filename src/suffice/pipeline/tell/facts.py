"""From what a run found to the facts that page, terminal and JSON show."""

import math

import numpy as np
from numpy.typing import NDArray

from suffice.bar import Target, Verdict
from suffice.certify import statement
from suffice.certify.resources import Resources
from suffice.certify.search_result import Tested
from suffice.measure import quality
from suffice.measurement import Measurement
from suffice.pipeline.issue import Issued
from suffice.pipeline.tell.candidates import (
    candidates_of,
    latency_facts,
    quality_facts,
    whys,
    with_served,
)
from suffice.pipeline.tell.cost import cost_of
from suffice.pipeline.tell.extraction import extraction_of
from suffice.pipeline.tell.findings import Findings
from suffice.pipeline.tell.forgetting_notes import forgetting_notes
from suffice.pipeline.tell.inspect_dev import inspect
from suffice.pipeline.tell.judge_notes import judge_notes
from suffice.pipeline.tell.judging_notes import judging_of
from suffice.report import facts as f
from suffice.report.words import target_words
from suffice.stats import intervals
from suffice.stats.betting import Bets, log_wealth
from suffice.task import Split

_PATH_POINTS = 60


def facts_of(findings: Findings, issued: Issued | None, served: tuple[Measurement, ...]) -> f.Facts:
    """Returns the facts of a run; `served` is what was measured of a chosen cascade's bundle."""
    chosen, task = findings.chosen, findings.task
    seen = inspect(findings)
    judge, said_of_judge = judging_of(findings)
    resources = None if chosen is None else with_served(chosen.system.resources, served)
    reference = _reference(findings)
    name = reference.name if reference is not None else "the reference"
    return f.Facts(
        verdict=_verdict(findings),
        chosen=None if chosen is None else _chosen(chosen, findings),
        target=task.quality.target,
        alpha=task.alpha,
        evidence=_evidence(findings),
        candidates=candidates_of(findings, served),
        certificate=None if issued is None else statement.FILE,
        report="report.html",
        task=f.TaskFacts(
            name=task.name,
            kind=task.kind.value,
            metric=task.quality.metric.value,
            target_text=target_words(task.quality, reference=name, sole_judge=findings.sole_judge),
            threshold=task.quality.threshold,
            bars=_bars(findings, resources),
            minimise=task.minimise,
        ),
        data=_data(findings),
        reference=reference,
        next_step=_next_step(findings),
        proof=None if issued is None else _proof(issued),
        tests=_tests(findings),
        inspected=seen.inspected,
        confusions=seen.confusions,
        confusion_matrix=seen.confusion_matrix,
        slices=seen.slices,
        calibration=seen.calibration,
        extraction=extraction_of(findings),
        judge=judge,
        cost=cost_of(findings, resources),
        escalation=_escalation(findings),
        environment=findings.environment,
        seed=findings.seed,
        notes=(*findings.notes, *judge_notes(findings), *said_of_judge, *forgetting_notes(findings)),
        command=findings.command,
        generated_at=findings.now,
        simulated=any(rung.model.simulated for rung in findings.rungs),
    )


def _verdict(findings: Findings) -> Verdict:
    """fail: nothing keeps the limits, or the rows refute all that was tested."""
    if findings.chosen is not None:
        return Verdict.PASS
    if findings.proof is None:
        return Verdict.FAIL
    verdicts = [test.verdict for test in findings.proof.result.in_order]
    refuted = bool(verdicts) and all(verdict is Verdict.FAIL for verdict in verdicts)
    return Verdict.FAIL if refuted else Verdict.INCONCLUSIVE


def _chosen(chosen: Tested, findings: Findings) -> f.ChosenFacts:
    cascade = chosen.system.cascade
    tiers = tuple(
        f"{tier.model}, kept where trust is at least {tier.threshold:.3f}"
        if tier.threshold is not None
        else tier.model
        for tier in cascade.tiers
    )
    rungs = [findings.rung(name) for name in cascade.local_models]
    size = chosen.system.resources.bytes
    return f.ChosenFacts(
        name=cascade.name,
        kind=rungs[0].candidate.kind if len(cascade.tiers) == 1 else "cascade",
        bytes=None if size is None else round(size),
        fingerprint=rungs[0].fingerprint
        if len(cascade.tiers) == 1
        else "+".join(rung.fingerprint[:16] for rung in rungs),
        tiers=tiers if len(tiers) > 1 else (),
    )


def _evidence(findings: Findings) -> f.EvidenceFacts:
    if findings.proof is None:
        why = "no system kept the limits, so no certify row was looked at"
        return f.EvidenceFacts(
            n=0, labels=0, calls=0, why_unmeasured=dict.fromkeys(("e_value", "bound_n", "ratio"), why)
        )
    test = findings.chosen or findings.proof.result.in_order[0]
    missing = {}
    if test.e_value is None:
        missing["e_value"] = "the system was tested once, at a fixed number of rows"
    if test.bound_n is None:
        why = "at the observed rates no number of rows would decide"
        if test.e_value is None:
            why = "no bound is known for this metric"
        missing |= {"bound_n": why, "ratio": why}
    return f.EvidenceFacts(
        n=test.n,
        labels=test.labels,
        judge_labels=test.judge_labels,
        calls=test.calls,
        search_n=findings.proof.result.rows_used,
        search_labels=findings.proof.result.labels_used,
        e_value=test.e_value,
        bound_n=test.bound_n,
        ratio=None if not test.bound_n else test.n / test.bound_n,
        why_unmeasured=missing,
    )


def _bars(findings: Findings, resources: Resources | None) -> tuple[f.BarFacts, ...]:
    limits, found = findings.task.resources, resources or Resources()
    measured = {
        "latency_p95_ms": (limits.latency_p95_ms, found.latency_p95_ms, 1.0),
        "memory_mb": (limits.memory_mb, found.memory_bytes, 1e6),
        "cost_usd_per_1k": (limits.cost_usd_per_1k, found.cost_usd_per_1k, 1.0),
        "energy_j": (limits.energy_j, found.energy_j, 1.0),
        "bytes_mb": (limits.bytes_mb, found.bytes, 1e6),
    }
    return tuple(
        f.BarFacts(
            name=name,
            limit=limit,
            measured=None if number is None else number / scale,
            is_met=None if number is None else number / scale <= limit,
            why="" if number is not None else "no system was chosen",
        )
        for name, (limit, number, scale) in measured.items()
        if limit is not None
    )


def _data(findings: Findings) -> f.DataFacts:
    rows = findings.rows
    return f.DataFacts(
        rows=rows.total,
        train=len(rows.splits[Split.TRAIN]),
        dev=len(rows.splits[Split.DEV]),
        certify=len(rows.splits[Split.CERTIFY]),
        labelled_share=rows.labelled_share,
        labels=len(rows.labels),
        imbalance=rows.imbalance,
        findings=rows.findings,
    )


def _reference(findings: Findings) -> f.ReferenceFacts | None:
    reference = findings.reference
    if reference is None:
        return None
    worth = findings.choice.graders.reference
    costs = {m.quantity: m.value for m in reference.measurements}
    return f.ReferenceFacts(
        name=reference.name,
        mode=reference.mode,
        quality=None if worth is None else quality_facts(quality.summary(worth, split=Split.DEV)),
        latency_ms=latency_facts(reference.measurements),
        cost_usd_per_1k=costs.get("cost_usd_per_1k"),
        why_unmeasured=whys(reference.measurements),
    )


def _next_step(findings: Findings) -> str:
    """Returns what is more exact than the usual words; "" leaves it to them."""
    if findings.proof is None or findings.chosen is not None:
        return ""
    first = findings.proof.result.in_order[0]
    if first.verdict is not Verdict.INCONCLUSIVE or first.fresh_rows is None:
        return ""
    kind = "with reference answers" if findings.task.quality.target is Target.AGREEMENT else "labelled"
    if findings.sole_judge:
        kind = "with what the judge needs"
    if first.system.reliance:
        kind += f" (and {first.system.fresh} unlabelled ones with the judge's label beside each)"
    return (
        f"About {first.fresh_rows:,} fresh certify rows, {kind}, would decide {first.system.cascade.name} (an"
        " estimate at the rates seen so far). Give them as a certify file of their own: with any of the old "
        "rows among them it is a further look, at a fifth of the error budget."
    )


def _proof(issued: Issued) -> f.ProofFacts:
    certificate = issued.certificate
    return f.ProofFacts(
        statement=certificate.statement,
        order=certificate.order,
        alpha_spent=certificate.alpha_spent,
        look=certificate.look,
        distribution_note=certificate.distribution_note,
        files=issued.files,
        key=issued.key_id,
        issued_at=certificate.issued_at,
    )


def _tests(findings: Findings) -> tuple[f.TestFacts, ...]:
    if findings.proof is None:
        return ()
    return tuple(
        f.TestFacts(
            name=test.system.cascade.name,
            alpha=test.alpha,
            e_value=test.e_value,
            n=test.n,
            labels=test.labels,
            verdict=test.verdict,
            calls=test.calls,
            path=_path(test),
        )
        for test in findings.proof.result.in_order
    )


def _path(test: Tested) -> tuple[f.PathPoint, ...]:
    if not isinstance(test.claim, Bets) or not test.values:
        return ()
    path = log_wealth(np.array(test.values), test.claim)
    at = np.unique(np.linspace(0, path.size - 1, _PATH_POINTS).round().astype(int))
    return tuple(f.PathPoint(n=int(i) + 1, e_value=math.exp(float(path[i]))) for i in at)


def _escalation(findings: Findings) -> f.EscalationFacts | None:
    chosen = findings.chosen
    if chosen is None or len(chosen.system.cascade.tiers) == 1:
        return None
    tiers: NDArray[np.int64] = findings.choice.graders.outcomes(
        chosen.system.cascade, 0, len(findings.choice.rows)
    ).tier
    escalated, n = int((tiers > 0).sum()), int(tiers.size)
    ends = intervals.wilson(escalated, n)
    return f.EscalationFacts(rate=escalated / n, lower=ends.lower, upper=ends.upper, n=n)
