"""What the facts say, in plain sentences."""

import dataclasses

import pytest

from suffice.bar import QualityBar, Target, Verdict
from suffice.report import words
from suffice.report.facts import BarFacts, CostFacts, EvidenceFacts, ProofFacts
from tests.unit.report.made_up import FACTS, INCONCLUSIVE


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        (QualityBar(target=Target.ABSOLUTE, at_least=0.95), "accuracy of at least 95.0%"),
        (QualityBar(target=Target.NON_INFERIOR, margin=0.02), "accuracy at most 2 points below x's"),
        (
            QualityBar(target=Target.AGREEMENT, at_most=0.05),
            "answers that differ from x's in at most 5.0% of requests",
        ),
    ],
)
def test_each_target_has_its_words(bar: QualityBar, expected: str) -> None:
    """The bar is said as a person would say it."""
    assert expected == words.target_words(bar, reference="x")


def test_a_pass_says_what_it_saves() -> None:
    """The sentence names the model, the bar, the price and the speed."""
    expected = (
        "minilm-head is the cheapest choice shown to meet your bar: accuracy at most 2 points below "
        "imaginary-large's (1 of its 4 limits could not be checked). It costs $0.00021 per 1,000 requests "
        "instead of $0.31 and answers within 5.9 ms (p95)."
    )
    assert expected == words.sentence(FACTS)


def test_limits_are_only_claimed_where_all_were_checked() -> None:
    """Kept limits are said to be kept; a broken one is not glossed over."""
    kept = BarFacts(name="memory_mb", limit=512, measured=100, is_met=True)
    broken = dataclasses.replace(kept, is_met=False)
    for bars, said in (((kept,), True), ((kept, broken), False), ((), False)):
        facts = dataclasses.replace(FACTS, task=dataclasses.replace(FACTS.task, bars=bars))
        assert said == ("within all limits" in words.sentence(facts))


def test_no_gain_is_claimed_where_there_is_none() -> None:
    """A dearer or unpriced model is not said to save money."""
    for prices in (CostFacts(), CostFacts(today_usd_per_1k=0.3, chosen_usd_per_1k=0.9)):
        assert "instead of" not in words.sentence(dataclasses.replace(FACTS, cost=prices))


@pytest.mark.parametrize(
    ("verdict", "begins"),
    [(Verdict.FAIL, "No smaller model was shown"), (Verdict.INCONCLUSIVE, "The rows at hand cannot tell")],
)
def test_other_verdicts_say_to_keep_the_reference(verdict: Verdict, begins: str) -> None:
    """Nothing is claimed without a pass."""
    said = words.sentence(dataclasses.replace(INCONCLUSIVE, verdict=verdict))
    assert said.startswith(begins)
    assert said.endswith("Keep imaginary-large.")


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE])
def test_words_are_only_filled_in_where_missing(verdict: Verdict) -> None:
    """What the run itself said is kept."""
    empty = dataclasses.replace(INCONCLUSIVE, verdict=verdict, sentence="", next_step="")
    filled = words.with_words(empty)
    assert filled.sentence
    assert filled.next_step
    assert filled == words.with_words(filled)


def test_after_a_pass_the_next_step_is_to_serve() -> None:
    """Serving is what the search was for; files and the proof come after it."""
    passed = dataclasses.replace(FACTS, verdict=Verdict.PASS, next_step="")
    assert words.with_words(passed).next_step.startswith("Serve it with `suffice serve`")


def test_the_certificate_counts_its_looks_and_its_budget() -> None:
    """A second look and a partly spent budget are said."""
    proof = ProofFacts(statement="S.", order="ascending", alpha_spent=0.0125, look=2)
    said = words.certificate_words(dataclasses.replace(FACTS, proof=proof))
    assert said[0] == "S."
    assert said[1].startswith("The candidates were tested from the cheapest up")
    assert said[2] == (
        "Of the error budget of 5%, 1.25% was spent; it was look 2 at these rows, "
        "and what is left pays for later ones."
    )
    assert words.certificate_words(INCONCLUSIVE) == ()


def test_without_a_bound_no_ratio_is_told() -> None:
    """What was not decided has no shortest proof."""
    facts = dataclasses.replace(FACTS, evidence=EvidenceFacts(n=400, labels=97, calls=800))
    assert words.evidence_words(facts) == "It took 400 certify rows, 97 labels and 800 model answers."


def test_a_test_without_evidence_says_so() -> None:
    """An e-value that does not exist is not shown as 0."""
    test = dataclasses.replace(FACTS.tests[0], e_value=None, alpha=0.01)
    assert words.test_words(test) == "not measured; 100 needed"


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        (BarFacts(name="memory_mb", limit=512, measured=187.7), ("Memory", "512 MB", "188 MB")),
        (BarFacts(name="latency_p95_ms", limit=50), ("Latency, p95", "50 ms", "not measured")),
        (BarFacts(name="stars", limit=3, measured=4.5), ("stars", "3.00", "4.50")),
    ],
)
def test_limits_are_shown_in_their_units(bar: BarFacts, expected: tuple[str, str, str]) -> None:
    """Megabytes become bytes with a unit, and a limit without a form is still shown."""
    assert expected == words.bar_words(bar)
