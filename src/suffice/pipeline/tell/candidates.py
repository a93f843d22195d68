"""The ladder in the report: every rung, the cascades that were tested, and why each was or was not chosen."""

import math
from dataclasses import fields, replace

from suffice.bar import Verdict
from suffice.certify.estimates import SystemEstimate
from suffice.certify.resources import Resources
from suffice.certify.search_result import Tested
from suffice.measure import quality
from suffice.measurement import Measurement
from suffice.pipeline.rungs.rung import Rung
from suffice.pipeline.tell.findings import Findings
from suffice.report.facts import CandidateFacts, LatencyFacts, QualityFacts
from suffice.task import Split


def candidates_of(findings: Findings, served: tuple[Measurement, ...]) -> tuple[CandidateFacts, ...]:
    """Returns the facts of each rung and of the cascades worth showing, cheapest first.

    `served` is what was measured of the chosen cascade's bundle; it replaces what was composed.
    """
    tests = {} if findings.proof is None else {t.system.cascade.name: t for t in findings.proof.result.tests}
    singles = [
        (e, _single(findings.rung(e.cascade.name), e, tests.get(e.cascade.name), findings))
        for e in findings.choice.estimates
        if len(e.cascade.tiers) == 1 and e.cascade.local_models
    ]
    cascades = [(t.system, _cascade(t, findings, served)) for t in _worth_showing(findings)]
    ranked = sorted([*singles, *cascades], key=lambda pair: _price(pair[0], findings.task.minimise))
    return tuple(facts for _, facts in ranked)


def with_served(composed: Resources, served: tuple[Measurement, ...]) -> Resources:
    """Replaces what was composed from tiers by what was measured of the bundle."""
    found = {m.quantity: m.value for m in served if m.value is not None}
    names = {field.name for field in fields(Resources)} & set(found)
    return replace(composed, **{name: found[name] for name in names})


def dev_quality(findings: Findings, system: SystemEstimate) -> QualityFacts | None:
    """Returns a system's quality on dev against the truth, or, without any truth, against the reference."""
    outcomes = findings.choice.graders.outcomes(system.cascade, 0, len(findings.choice.rows))
    return quality_facts(quality.summary(outcomes.right, split=Split.DEV)) or quality_facts(
        quality.summary(outcomes.same, split=Split.DEV)
    )


def certify_quality(findings: Findings, test: Tested) -> QualityFacts | None:
    """Returns the quality on all certify rows with a truth; on those drawn where answers are paid for.

    The rows at which a test happened to stop flatter it. The whole split costs no further error: the
    look is booked for every row of it, whether the test drew it or not.
    """
    if findings.proof is None:
        return None
    certify = findings.proof.rows
    is_paid = findings.is_paid(test.system.cascade)
    rows = test.n * certify.stride if is_paid else len(certify.rows)
    right = findings.proof.graders.outcomes(test.system.cascade, 0, rows).right
    return quality_facts(quality.summary(right, split=Split.CERTIFY))


def quality_facts(measured: Measurement) -> QualityFacts | None:
    """Returns a quality measurement as facts; None where it was not measured."""
    if measured.value is None or measured.interval is None:
        return None
    return QualityFacts(
        estimate=measured.value,
        lower=measured.interval.lower,
        upper=measured.interval.upper,
        n=measured.n,
        split=measured.split or "",
        level=measured.interval.level,
    )


def latency_facts(measurements: tuple[Measurement, ...]) -> LatencyFacts | None:
    """Returns the latency among measurements; None where none was measured."""
    by_name = {m.quantity: m for m in measurements}
    p50, p95 = by_name.get("latency_p50_ms"), by_name.get("latency_p95_ms")
    if p50 is None or p95 is None or (p50.value is None and p95.value is None):
        return None
    counted = p95.n if p95.interval is not None else None  # stated figures have no n of ours
    return LatencyFacts(p50=p50.value, p95=p95.value, n=counted)


def whys(measurements: tuple[Measurement, ...]) -> dict[str, str]:
    """Returns why numbers are missing, by the name of their field in the facts."""
    names = {"latency_p95_ms": "latency_ms", "energy_j": "energy_j", "memory_bytes": "memory_bytes"}
    names |= {"bytes": "bytes", "cost_usd_per_1k": "cost_usd_per_1k"}
    return {names[m.quantity]: m.unmeasured for m in measurements if m.quantity in names and m.unmeasured}


def _single(rung: Rung, system: SystemEstimate, test: Tested | None, findings: Findings) -> CandidateFacts:
    verdict, why = _verdict(system, test, findings)
    value = {m.quantity: m.value for m in rung.measurements}
    return CandidateFacts(
        name=rung.name,
        kind=rung.candidate.kind,
        bytes=_whole(value.get("bytes")),
        verdict=verdict,
        why=why,
        quality=_quality(findings, system, test),
        latency_ms=latency_facts(rung.measurements),
        memory_bytes=_whole(value.get("memory_bytes")),
        cost_usd_per_1k=value.get("cost_usd_per_1k"),
        energy_j=value.get("energy_j"),
        why_unmeasured=whys(rung.measurements),
    )


def _cascade(test: Tested, findings: Findings, served: tuple[Measurement, ...]) -> CandidateFacts:
    resources, latency = test.system.resources, None
    verdict, why = _verdict(test.system, test, findings)
    if test is findings.chosen:
        resources, latency = with_served(resources, served), latency_facts(served)
    if latency is None and (resources.latency_p50_ms, resources.latency_p95_ms) != (None, None):
        latency = LatencyFacts(p50=resources.latency_p50_ms, p95=resources.latency_p95_ms)
    missing = "a tier's was not measured"
    return CandidateFacts(
        name=test.system.cascade.name,
        kind="cascade",
        bytes=_whole(resources.bytes),
        verdict=verdict,
        why=why,
        quality=_quality(findings, test.system, test),
        latency_ms=latency,
        memory_bytes=_whole(resources.memory_bytes),
        cost_usd_per_1k=resources.cost_usd_per_1k,
        energy_j=resources.energy_j,
        why_unmeasured={
            name: missing
            for name, number in (
                ("bytes", resources.bytes),
                ("latency_ms", latency),
                ("memory_bytes", resources.memory_bytes),
                ("cost_usd_per_1k", resources.cost_usd_per_1k),
                ("energy_j", resources.energy_j),
            )
            if number is None
        },
    )


def _quality(findings: Findings, system: SystemEstimate, test: Tested | None) -> QualityFacts | None:
    """The chosen system was picked on dev, where it looks too good: its certify rows say more."""
    chosen = findings.chosen
    if test is not None and chosen is not None and test.system.cascade.name == chosen.system.cascade.name:
        return certify_quality(findings, test) or dev_quality(findings, system)
    return dev_quality(findings, system)


def _worth_showing(findings: Findings) -> list[Tested]:
    """The chosen cascade, the cheapest certified one, and the first that could not be certified."""
    if findings.proof is None:
        return []
    tested = [t for t in findings.proof.result.in_order if len(t.system.cascade.tiers) > 1]
    passed = [t for t in tested if t.verdict is Verdict.PASS]
    rest = [t for t in tested if t.verdict is not Verdict.PASS]
    cheapest = min(passed, key=lambda t: _price(t.system, findings.task.minimise), default=None)
    shown = [t for t in (cheapest, rest[0] if rest else None) if t is not None]
    chosen = findings.chosen
    if chosen is not None and len(chosen.system.cascade.tiers) > 1 and chosen not in shown:
        shown.append(chosen)
    return shown


def _verdict(system: SystemEstimate, test: Tested | None, findings: Findings) -> tuple[Verdict, str]:
    if system.misses is not None:
        return Verdict.FAIL, system.misses
    if test is not None and test.verdict is not Verdict.NOT_TESTED:
        return test.verdict, _tested_why(test, findings)
    if test is not None:
        return Verdict.NOT_TESTED, "a dearer system before it was not certified, so its turn did not come"
    left_out = {e.cascade.name: why for e, why in findings.choice.path.left_out}
    return Verdict.NOT_TESTED, left_out.get(system.cascade.name, "not on the path chosen on dev")


def _tested_why(test: Tested, findings: Findings) -> str:
    if test.verdict is Verdict.PASS:
        chosen = findings.chosen
        best = chosen is not None and chosen.system.cascade.name == test.system.cascade.name
        return "the cheapest system certified" if best else "certified, but a cheaper system is too"
    if test.verdict is Verdict.FAIL:
        return f"the certify rows show it below the bar (after {test.n:,} rows)"
    more = (
        "" if test.fresh_rows is None else f"; about {test.fresh_rows:,} fresh rows would decide (estimate)"
    )
    reached = 1 / max(test.p_value, 1e-300)
    return f"not shown in {test.n:,} rows: evidence {reached:.3g} of {1 / test.alpha:.3g} needed{more}"


def _price(system: SystemEstimate, minimise: str) -> float:
    price = system.resources.minimised(minimise)
    return math.inf if price is None else price


def _whole(number: float | None) -> int | None:
    return None if number is None else round(number)
