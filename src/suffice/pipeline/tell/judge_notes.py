"""What a run says about the judge: how good dev shows it to be, and whether any test relied on it."""

from suffice.bar import Verdict
from suffice.measure import quality
from suffice.pipeline.tell.findings import Findings
from suffice.report import numbers
from suffice.task import Split


def judge_notes(findings: Findings) -> tuple[str, ...]:
    """Returns a sentence or two on a judge whose labels stand in the data; () where nothing was tested."""
    if findings.spec.judge is None or findings.judging is not None or findings.proof is None:
        return ()
    return (f"the judge {_worth(findings)}; {_use(findings)}",)


def _worth(findings: Findings) -> str:
    rows = [row for row in findings.choice.rows if row.judge is not None]
    scores = findings.grading.grade([row.target for row in rows], [str(row.judge) for row in rows])
    found = quality.summary(scores, split=Split.DEV)
    if found.value is None or found.interval is None:
        return "has labelled no dev row that has a truth"
    ends = numbers.interval(found.interval.lower, found.interval.upper)
    return f"is right on {numbers.share(found.value)} of dev ({ends}, n {numbers.count(found.n)})"


def _use(findings: Findings) -> str:
    proof = findings.proof
    if proof is not None and proof.rows.fresh:
        tested = [t for t in proof.result.tests if t.verdict is not Verdict.NOT_TESTED]
        relying = sum(t.system.reliance > 0 for t in tested)
        return (
            f"{relying} of {len(tested)} tests relied on its labels, with {proof.rows.fresh} unlabelled rows "
            "beside each labelled one; no label of it counts as truth"
        )
    certify = findings.rows.splits[Split.CERTIFY]
    judged = sum(row.target is None and row.judge is not None for row in certify)
    labelled = sum(row.target is not None for row in certify)
    if judged < labelled:
        return (
            f"its labels were not used: {judged:,} certify rows have its label alone, and each of the "
            f"{labelled:,} with a truth would need one"
        )
    if all(row.target is not None for row in findings.choice.rows):
        return "its labels were not used: dev has no unlabelled row to check that they are alike there"
    return (
        "no test relied on its labels: on dev they save less than a tenth of the truths, or look "
        "different on the labelled rows"
    )
