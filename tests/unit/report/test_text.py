"""The report for the terminal."""

import dataclasses

import pytest

from suffice.report import numbers, text
from suffice.report.facts import Facts
from tests.unit.report.made_up import FACTS, INCONCLUSIVE


@pytest.mark.parametrize("facts", [FACTS, INCONCLUSIVE])
def test_plain_text_fits_80_columns_without_codes(facts: Facts) -> None:
    """Written to a file or a pipe the report is plain text."""
    lines = text.render(facts).splitlines()
    assert max(len(line) for line in lines) <= 80
    assert all(line.isprintable() for line in lines)


def test_the_verdict_comes_first() -> None:
    """After the mark of simulation, the first word is the verdict."""
    lines = text.render(FACTS).splitlines()
    assert lines[0].startswith("SIMULATED")
    assert lines[1].startswith("PASS  minilm-head is the cheapest choice shown to meet your bar")


def test_every_figure_stands_in_full() -> None:
    """No number is cut off in 80 columns, and each has its interval and n."""
    words = text.render(FACTS)
    for candidate in FACTS.candidates:
        for figure in (numbers.size(candidate.bytes), numbers.money(candidate.cost_usd_per_1k)):
            assert figure in words or figure == numbers.NOT_MEASURED
        if candidate.quality is not None:
            assert numbers.interval(candidate.quality.lower, candidate.quality.upper) in words
    five_qualities_one_latency_and_the_share_passed_up = 7
    assert five_qualities_one_latency_and_the_share_passed_up == words.count("n 600")
    assert "23.0% of requests (19.7 to 26.6, n 600)" in words


def test_reasons_next_step_and_places_are_there() -> None:
    """Why each was refused, why a number is missing, what to do, where to look."""
    folded = " ".join(text.render(FACTS).split())
    for expected in (
        "the evidence reached 6.2 of the 20 needed when the certify rows were used up",
        "not measured energy of linear, linear-distilled, minilm-head: this machine shows no energy counter",
        "next Serve it: suffice serve runs/support-intents",
        "certificate certificate.json",
        "report report.html",
        "this one used 1.15 times as many",
    ):
        assert expected in folded


def test_colour_is_only_used_on_request() -> None:
    """A terminal gets colours, the words stay the same."""
    assert "\x1b[" in text.render(FACTS, colour=True)
    assert "\x1b[" not in text.render(FACTS)


def test_a_label_cannot_steer_the_terminal() -> None:
    """Control signs and console mark-up in names are shown, not obeyed."""
    hostile = "\x1b[31mred\x07 [bold]loud[/bold] :smile:"
    candidate = dataclasses.replace(FACTS.candidates[0], why=hostile)
    words = text.render(dataclasses.replace(FACTS, candidates=(candidate,), notes=(hostile,)))
    assert "\x1b" not in words
    assert "\x07" not in words
    assert "[bold]loud[/bold] :smile:" in words


def test_narrow_terminals_lose_no_name() -> None:
    """A long name is folded, not cut."""
    candidate = dataclasses.replace(FACTS.candidates[0], name="x" * 40)
    words = text.render(dataclasses.replace(FACTS, candidates=(candidate,)), width=80)
    assert words.count("x") >= 80
