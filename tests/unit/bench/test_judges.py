"""The judges' bench reads verdicts by place, and its numbers are those of the recorded models."""

import os
from pathlib import Path

import pytest

from bench import judges
from bench.judges import Pair

DATA = Path(os.environ.get("SUFFICE_DATA", "../shared/data")) / "llmbar"


def test_a_winner_is_turned_into_the_place_where_it_stood():
    """In the second order the first output stands second."""
    assert ["A", "B", None] == [judges._verdict({"winner": w}, 0) for w in ("1", "2", None)]
    assert ["B", "A", None] == [judges._verdict({"winner": w}, 1) for w in ("1", "2", None)]


def test_a_judge_that_sees_places_only_is_worth_nothing():
    """Right in one order on half of the pairs, in both on none, and no truth is saved."""
    pairs = [Pair(part="x", gold=float(at % 2), verdicts=("A", "A"), length=at) for at in range(40)]
    one, both, wrong = judges._shares(pairs)
    assert (0.5, 0.0, 0.0) == (one[0], both[0], wrong[0])
    assert judges.left_of("first", pairs)[2].startswith("100.0%")
    _, gold, first, second, both_orders = judges.wins_of("first", pairs)
    assert ("50.0%", "50.0%", "-50.0%", "0.0%") == tuple(
        cell.split(" ")[0] for cell in (gold, first, second, both_orders)
    )


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.is_dir(), reason="SUFFICE_DATA has no llmbar")
def test_the_recorded_judges_are_as_right_as_published():
    """The plain prompt's mean accuracy over both orders, to a tenth of a point."""
    for name, published in (("GPT-4", 0.845), ("Falcon", 0.564), ("ChatGPT", 0.400)):
        pairs = judges.read(DATA, name)
        assert 419 == len(pairs)
        assert judges._shares(pairs)[0][0] == pytest.approx(published, abs=0.001)
