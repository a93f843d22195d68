"""Which rungs of a ladder are opened."""

import pytest

from suffice import extras
from suffice.candidate import Candidate, Ladder
from suffice.errors import DataError
from suffice.pipeline.climb import climb


class Choice:
    """What dev shows, as far as the climb looks at it."""

    def __init__(self, rungs):
        self.expects_a_local_system = "good" in rungs


def ladder(*names):
    """Returns a ladder of candidates of these names."""
    return Ladder(candidates=tuple(Candidate(name=name, kind="linear") for name in names))


def opened(rungs, _known):
    """Returns the names of the rungs; one named "unfit" cannot learn."""
    names = [candidate.name for candidate in rungs.candidates]
    if "unfit" in names:
        raise DataError("too few rows", hint="add rows")
    return names


def climbed(usual, dear, **more):
    """Returns what was opened, and the notes."""
    rungs, _, notes = climb((usual, dear), opened, Choice, **{"quick": False, **more})
    return rungs, notes


def test_dear_rungs_are_opened_until_one_is_expected_to_do():
    """The first dear rung that dev expects to clear the bar ends the climb."""
    assert (["low", "poor", "good"], ()) == climbed(ladder("low"), ladder("poor", "good", "never"))


def test_a_rung_that_cannot_learn_is_passed_over():
    """On the automatic ladder, usual or dear, it becomes a note."""
    rungs, notes = climbed(ladder("unfit"), ladder("unfit", "good"))
    assert ["good"] == rungs
    assert 2 * ("not tried: unfit, because too few rows",) == notes


@pytest.mark.parametrize("dear", [(), ("unfit",)])
def test_where_no_rung_can_learn_the_first_complaint_is_told(dear):
    """It is the cheapest rung's: the one that needs the least."""
    with pytest.raises(DataError, match="too few rows"):
        climbed(ladder("unfit"), ladder(*dear))


def test_quick_leaves_dear_rungs_out():
    """And says so."""
    expected = (["low"], ("not tried, because it takes minutes to train: good",))
    assert expected == climbed(ladder("low"), ladder("good"), quick=True)


def test_a_missing_extra_is_named(monkeypatch):
    """A rung whose extra is not installed is a note with the extra's name."""
    monkeypatch.setattr(extras, "is_installed", lambda _: False)
    dear = Ladder(candidates=(Candidate(name="good", kind="encoder", method="finetune"),))
    rungs, notes = climbed(ladder("low"), dear)
    assert (["low"], ("not tried, because the extra 'train' is not installed: good",)) == (rungs, notes)
