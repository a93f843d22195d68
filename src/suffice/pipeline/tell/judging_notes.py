"""What a run says of a judging model: how far it agrees with people on dev, how partial it is."""

from collections.abc import Callable
from typing import Any

from suffice.bar import Verdict
from suffice.measure import quality
from suffice.pipeline.rungs.judging import Judging
from suffice.pipeline.tell.findings import Findings
from suffice.report import numbers
from suffice.report.facts import EstimateFacts, JudgeFacts, LeniencyFacts
from suffice.score.fields import Estimate
from suffice.score.judge.asking import Case, Mode
from suffice.score.judge.report import Judged, JudgeReport, report_on


def judging_of(findings: Findings) -> tuple[JudgeFacts | None, tuple[str, ...]]:
    """Returns facts and sentences on the judge of a task whose metric is a judge; None and () for other ones.

    What it says of dev is asked for where no choice has needed it yet, under the same spend cap.
    """
    judging = findings.judging
    if judging is None:
        return None, ()
    found = judge_report(findings, judging)
    sentences = [_evidence(findings, judging), *_against_people(judging, found), *_by_itself(judging, found)]
    notes = tuple(f"the judge {judging.name}: {sentence}" for sentence in (*sentences, _asked(judging)))
    return _facts(judging, found), notes


def judge_report(findings: Findings, judging: Judging) -> JudgeReport:
    """Returns what dev shows of the judge: every candidate's answers on rows that can be judged."""
    rows, runner = findings.choice.rows, findings.grading.runner
    # Where people rated answers their ratings stand in the truth's place, and the judge's case beside them.
    wishes = [row.judge if row.judge is not None or not judging.is_alone else row.target for row in rows]
    cases = [None if wish is None else Case.of_wish(wish) for wish in wishes]  # type: ignore[arg-type]
    judged: list[Judged] = []
    for rung in findings.rungs:
        answers = [answer.text for answer in runner.run(quality.ask(rung.model, rows))]
        given = runner.run(judging.scorer.judge(cases, answers))
        for row, case, answer, judgement in zip(rows, cases, answers, given, strict=True):
            if case is None or answer is None or not judgement.verdicts:
                continue
            judged.append(
                Judged(
                    row=row.key,
                    candidate=rung.name,
                    judgement=judgement,
                    human=_human(row.target, answer),
                    length=len(answer) - (len(case.beside) if judging.mode is Mode.COMPARE else 0),
                )
            )
    return report_on(judged)


def _facts(judging: Judging, found: JudgeReport) -> JudgeFacts:
    scorer = judging.scorer
    names = ("agreement", "kappa", "sensitivity", "specificity", "first", "changed", "length", "human_length")
    return JudgeFacts(
        name=judging.name,
        mode=judging.mode.value,
        is_alone=judging.is_alone,
        identity=judging.identity,
        n=found.n,
        verdicts=len(scorer.said),
        unreadable=len(scorer.unreadable),
        failed=len(scorer.failed),
        leniency=tuple(
            LeniencyFacts(candidate=name, gap=_estimate(estimate)) for name, estimate in found.leniency
        ),
        **{name: _estimate(getattr(found, name)) for name in names},
    )


def _estimate(found: Estimate) -> EstimateFacts:
    ends = found.interval
    lower, upper = (None, None) if ends is None else (ends.lower, ends.upper)
    return EstimateFacts(value=found.value, lower=lower, upper=upper, n=found.n)


def _human(target: Any, answer: str) -> float | None:
    ratings = target.get("ratings") if isinstance(target, dict) else None
    return None if ratings is None else ratings.get(answer)


def _evidence(findings: Findings, judging: Judging) -> str:
    if judging.is_alone:
        return (
            "no person has labelled any answer, so quality here is what this judge says of answers, an "
            "opinion; what it is worth is not measured. Have a random part of the rows labelled "
            "(`judge.human`)"
        )
    proof = findings.proof
    if proof is None:
        return "no certify row was looked at"
    tested = [test for test in proof.result.tests if test.verdict is not Verdict.NOT_TESTED]
    relying = sum(test.system.reliance > 0 for test in tested)
    return (
        f"the claim rests on people's labels; {relying} of {len(tested)} tests relied on its verdicts, "
        "beside them, to make them go further"
    )


def _against_people(judging: Judging, found: JudgeReport) -> list[str]:
    if judging.is_alone:
        return []
    if found.agreement.value is None:
        return ["people have labelled no dev answer that it has judged, so its worth is not measured"]
    agrees = f"{_share(found.agreement)} of dev answers, kappa {_plain(found.kappa)}"
    right, wrong = _share(found.sensitivity), _share(found.specificity)
    told = [
        f"it agrees with people on {agrees}",
        f"of what people call right it calls right {right}, of what they call wrong it calls wrong {wrong}",
    ]
    if found.leniency:
        by_name = ", ".join(f"{name} {_points(estimate)}" for name, estimate in found.leniency)
        told.append(f"what it gives on dev, less what people give (above 0 it flatters): {by_name}")
    return told


def _by_itself(judging: Judging, found: JudgeReport) -> list[str]:
    told = []
    if judging.mode is Mode.COMPARE:
        told.append(
            f"position: {_share(found.first)} of its verdicts on dev are for the answer that stood first "
            f"(50% is even); the order changed {_share(found.changed)} of the outcomes, which count as ties"
        )
    people = "" if judging.is_alone else f"; people's labels and length: {_plain(found.human_length)}"
    told.append(f"length: rank correlation of its verdicts with it on dev {_plain(found.length)}{people}")
    return told


def _asked(judging: Judging) -> str:
    scorer = judging.scorer
    text = f"its verdicts are {numbers.count(len(scorer.said))} in all, each asked for, and paid, once"
    if scorer.unreadable:
        quoted = next(iter(scorer.unreadable.values()))
        text += (
            f"; {numbers.count(len(scorer.unreadable))} could not be read, e.g. {quoted!r}: they count "
            "against the candidate, and are never guessed"
        )
    if scorer.failed:
        text += f"; {numbers.count(len(scorer.failed))} did not come, and count alike"
    return text


def _share(estimate: Estimate) -> str:
    return _words(estimate, numbers.share, numbers.interval)


def _plain(estimate: Estimate) -> str:
    return _words(estimate, lambda value: f"{value:.2f}", lambda low, high: f"{low:.2f} to {high:.2f}")


def _points(estimate: Estimate) -> str:
    return _words(estimate, lambda value: f"{value:+.2f}", lambda low, high: f"{low:+.2f} to {high:+.2f}")


def _words(estimate: Estimate, form: Callable[[float], str], ends: Callable[[float, float], str]) -> str:
    """Returns an estimate with its interval and n, as all numbers travel."""
    if estimate.value is None:
        return f"{numbers.NOT_MEASURED} (n {numbers.count(estimate.n)})"
    between = (
        "" if estimate.interval is None else f"{ends(estimate.interval.lower, estimate.interval.upper)}, "
    )
    return f"{form(estimate.value)} ({between}n {numbers.count(estimate.n)})"
