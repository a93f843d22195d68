"""What the facts say, in plain sentences."""

import dataclasses
from collections.abc import Mapping

from suffice.bar import Metric, QualityBar, Target, Verdict
from suffice.report import numbers
from suffice.report.facts import BarFacts, CandidateFacts, ExtractionFacts, Facts, QualityFacts, TestFacts

VERDICTS = {
    Verdict.PASS: "Pass",
    Verdict.FAIL: "Not met",
    Verdict.INCONCLUSIVE: "Inconclusive",
    Verdict.NOT_TESTED: "Not tested",
}
METRICS = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "recall_at_false_alarm": "recall at a fixed false-alarm rate",
    "exact_match": "exact match",
    "field_f1": "mean field F1",
    "normalised_match": "normalised match",
    "numeric_match": "right numbers",
    "regex": "pattern match",
    "rouge_l": "mean ROUGE-L",
    "chrf": "mean chrF",
    "unit_tests": "passed unit tests",
    "judge": "the judge's score",
}
ORDERS = {
    "descending": (
        "from the dearest down, each at the full error budget of this look, stopping at the first that is "
        "not shown to meet the bar (fixed-sequence testing)"
    ),
    "ascending": (
        "from the cheapest up, each at its own share of the error budget, stopping at the first that is "
        "shown to meet the bar"
    ),
}
_LEAST = {
    "cost": "cheapest",
    "memory": "least memory-hungry",
    "latency": "fastest",
    "energy": "most frugal",
    "bytes": "smallest",
}
_BARS = {
    "latency_p95_ms": ("Latency, p95", numbers.duration, 1.0),
    "memory_mb": ("Memory", numbers.size, 1e6),
    "bytes_mb": ("Size", numbers.size, 1e6),
    "cost_usd_per_1k": ("Cost per 1,000", numbers.money, 1.0),
    "energy_j": ("Energy per request", numbers.energy, 1.0),
    "quality": ("Quality", numbers.share, 1.0),
}
_QUANTITIES = {
    "bytes": "size",
    "quality": "quality",
    "latency_ms": "latency",
    "memory_bytes": "memory",
    "cost_usd_per_1k": "cost",
    "energy_j": "energy",
    "chosen_usd_per_1k": "cost of the chosen model",
    "today_usd_per_1k": "today's cost",
    "fixed_usd_per_month": "monthly cost",
    "break_even_requests_per_month": "break-even volume",
    "e_value": "e-value",
    "bound_n": "lower bound on n",
    "ratio": "ratio to the lower bound",
}


def target_words(bar: QualityBar, *, reference: str = "the reference", sole_judge: str = "") -> str:
    """Returns the quality bar in words: "accuracy at most 2 points below gpt-x's".

    `sole_judge` names the judge whose word alone quality is, where no person has labelled any answer.
    """
    metric = METRICS[bar.metric.value]
    if bar.metric is Metric.JUDGE:
        metric = (
            f"quality, as the judge {sole_judge} alone sees it," if sole_judge else "quality by human labels"
        )
    if bar.target is Target.ABSOLUTE:
        return f"{metric} of at least {numbers.share(bar.threshold)}"
    if bar.target is Target.NON_INFERIOR:
        return f"{metric} at most {numbers.points(bar.threshold)} below {reference}'s"
    return f"answers that differ from {reference}'s in at most {numbers.share(bar.threshold)} of requests"


def with_words(facts: Facts) -> Facts:
    """Returns the facts with a sentence and a next step, where they have none yet."""
    return dataclasses.replace(
        facts, sentence=facts.sentence or sentence(facts), next_step=facts.next_step or next_step(facts)
    )


def sentence(facts: Facts) -> str:
    """Returns the verdict in one plain sentence."""
    bar = facts.task.target_text
    if facts.verdict is Verdict.PASS and facts.chosen is not None:
        least = _LEAST.get(facts.task.minimise, "smallest")
        shown = f"{facts.chosen.name} is the {least} choice shown to meet your bar"
        return f"{shown}: {bar}{_limits(facts)}{_gain(facts)}."
    keep = f" Keep {facts.reference.name}." if facts.reference is not None else ""
    if facts.verdict is Verdict.FAIL:
        return f"No smaller model was shown to meet your bar: {bar}.{keep}"
    return f"The rows at hand cannot tell yet whether a smaller model meets your bar: {bar}.{keep}"


def _limits(facts: Facts) -> str:
    limits = [bar for bar in facts.task.bars if bar.name != "quality"]
    unknown = sum(bar.is_met is None for bar in limits)
    if not limits or any(bar.is_met is False for bar in limits):
        return ""
    if unknown:
        return f" ({unknown} of its {len(limits)} limits could not be checked)"
    return ", within all limits"


def next_step(facts: Facts) -> str:
    """Returns what to do now, where the run itself said nothing more exact."""
    if facts.verdict is Verdict.PASS:
        return (
            "Serve it with `suffice serve`, or put a file through it with `suffice predict`; "
            "check the proof with `suffice verify`."
        )
    if facts.verdict is Verdict.FAIL:
        return "Add training examples for the confusions below, or lower the bar, then run again."
    return "Label more rows, then run again: finished steps are not repeated."


def certificate_words(facts: Facts) -> tuple[str, ...]:
    """Returns what was shown and how, a sentence each; () where nothing was certified."""
    proof = facts.proof
    if proof is None:
        return ()
    look = (
        "the first time these rows were looked at" if proof.look == 1 else f"look {proof.look} at these rows"
    )
    is_all = proof.alpha_spent >= facts.alpha * 0.999
    kept = "" if is_all else ", and what is left pays for later ones"
    spent = "all" if is_all else numbers.budget(proof.alpha_spent)
    sentences = [
        proof.statement,
        f"The candidates were tested {ORDERS.get(proof.order, proof.order)}.",
        f"Of the error budget of {numbers.budget(facts.alpha)}, {spent} was spent; it was {look}{kept}.",
        evidence_words(facts),
    ]
    return tuple(text for text in (*sentences, proof.distribution_note) if text)


def evidence_words(facts: Facts) -> str:
    """Returns what the decision took, and how near that is to the least possible."""
    seen = facts.evidence
    said = numbers.count(seen.judge_labels)
    place = "beside them" if seen.labels else "alone"
    judged = f" (and {said} of a judge, {place})" if seen.judge_labels else ""
    text = (
        f"It took {numbers.count(seen.n)} certify rows, {numbers.count(seen.labels)} labels{judged} and "
        f"{numbers.count(seen.calls)} model answers."
    )
    if seen.search_labels is not None and seen.search_labels > seen.labels:
        rows = numbers.count(seen.search_n or seen.n)
        text += f" All tests together took {rows} rows and {numbers.count(seen.search_labels)} labels."
    if seen.bound_n is None or seen.ratio is None:
        return text
    of_these = " of these values" if seen.judge_labels else ""
    return (
        f"{text} No test{of_these} could decide this with fewer than about {numbers.count(seen.bound_n)} "
        f"rows on average; this one used {numbers.significant(seen.ratio)} times as many."
    )


def test_words(test: TestFacts) -> str:
    """Returns one test's outcome against what it needed."""
    needed = f"{1 / test.alpha:,.4g}"
    if test.e_value is None:
        return f"{numbers.NOT_MEASURED}; {needed} needed"
    reached = numbers.significant(test.e_value)
    return f"{reached} of {needed} needed"


def extraction_words(found: ExtractionFacts) -> str:
    """Returns how many of the values were found and right, over all fields, and how many answers are JSON."""
    parts = [
        f"{name} {numbers.share(part.estimate)} ({numbers.interval(part.lower, part.upper)})"
        for name, part in (
            ("precision", found.micro.precision),
            ("recall", found.micro.recall),
            ("F1", found.micro.f1),
            ("valid JSON", found.valid_json),
        )
        if part is not None
    ]
    return f"{', '.join(parts)}; n {numbers.count(found.n)}"


def quality_words(quality: QualityFacts | None) -> str:
    """Returns a quality with its interval and n: "93.4% (91.1 to 95.2, n 600)"."""
    if quality is None:
        return numbers.NOT_MEASURED
    ends = numbers.interval(quality.lower, quality.upper)
    return f"{numbers.share(quality.estimate)} ({ends}, n {numbers.count(quality.n)})"


def bar_words(bar: BarFacts) -> tuple[str, str, str]:
    """Returns a limit's name, the limit, and what was measured."""
    name, form, scale = _BARS.get(bar.name, (bar.name, numbers.significant, 1.0))
    measured = numbers.NOT_MEASURED if bar.measured is None else form(bar.measured * scale)
    return name, form(bar.limit * scale), measured


def quantity(name: str) -> str:
    """Returns a field's name as a person says it."""
    return _QUANTITIES.get(name, name.replace("_", " "))


def by_name(facts: Facts, name: str | None) -> CandidateFacts | None:
    """Returns the candidate of that name, or None."""
    return next((candidate for candidate in facts.candidates if candidate.name == name), None)


def _gain(facts: Facts) -> str:
    chosen = by_name(facts, facts.chosen.name if facts.chosen else None)
    gains = []
    less = numbers.times_less(facts.cost.today_usd_per_1k, facts.cost.chosen_usd_per_1k)
    if less:
        gains.append(
            f"costs {numbers.money(facts.cost.chosen_usd_per_1k)} per 1,000 requests instead of "
            f"{numbers.money(facts.cost.today_usd_per_1k)}"
        )
    if chosen is not None and chosen.latency_ms is not None and chosen.latency_ms.p95 is not None:
        gains.append(f"answers within {numbers.duration(chosen.latency_ms.p95)} (p95)")
    return f". It {' and '.join(gains)}" if gains else ""


def reasons(why_unmeasured: Mapping[str, str]) -> tuple[str, ...]:
    """Returns a line for each number that is missing: its name and the reason."""
    return tuple(f"{quantity(name)}: {reason}" for name, reason in why_unmeasured.items())
