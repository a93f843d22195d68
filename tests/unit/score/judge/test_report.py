"""The report on a judge exposes adversarial ones: by place, by length, by leniency, by agreement."""

import random

import pytest

from suffice.score.judge.asking import WORTH, Mode
from suffice.score.judge.report import Judged, report_on
from suffice.score.judge.scorer import Judgement

ROWS = 300


def compared(says, *, seed=1):
    """Returns pairs judged in both orders; `says` gives a verdict by (worth first?, lengths, whose, draw)."""
    draw = random.Random(seed)
    judged = []
    for row in range(ROWS):
        for candidate in ("own", "other"):
            human, length = draw.choice([0.0, 1.0]), draw.randrange(-50, 50)
            told = {"human": human, "length": length, "candidate": candidate, "draw": draw}
            verdicts = (says(is_first=True, **told), says(is_first=False, **told))
            worth = sum(WORTH[Mode.COMPARE][at][v] for at, v in enumerate(verdicts)) / 2
            judgement = Judgement(worth=worth, verdicts=verdicts)
            judged.append(
                Judged(row=str(row), candidate=candidate, judgement=judgement, human=human, length=length)
            )
    return report_on(judged)


def wins(is_better, *, is_first):
    """The verdict of who prefers the answer (or not), at its place."""
    return "A" if is_better == is_first else "B"


def honest(*, is_first, human, draw, errs=0.1, **_):
    """Right on 90%, in each order for itself."""
    return wins((human == 1.0) != (draw.random() < errs), is_first=is_first)


def test_an_honest_judge_looks_honest():
    """Every number has its n and an interval around it, and none shows a bias."""
    found = compared(honest)
    assert (2 * ROWS, 0) == (found.n, found.unreadable)
    assert 0.5 < found.kappa.value < found.agreement.value
    for estimate in (found.agreement, found.kappa, found.sensitivity, found.specificity, found.first):
        assert estimate.interval.lower < estimate.value < estimate.interval.upper
        assert estimate.n > 0
    assert found.first.interval.lower < 0.5 < found.first.interval.upper
    assert found.length.interval.lower < 0 < found.length.interval.upper
    assert all(e.interval.lower < 0.05 for _, e in found.leniency)


def test_always_the_first():
    """All verdicts go to the first place, every pair changes with the order, nothing is told apart."""
    found = compared(lambda **_: "A")
    assert (1.0, 1.0) == (found.first.value, found.changed.value)
    assert found.first.interval.lower > 0.95
    assert 4 * ROWS == found.first.n
    assert found.kappa.value == pytest.approx(0, abs=0.01)


def test_always_the_longer():
    """Worth follows length, which people's labels do not."""
    found = compared(lambda *, is_first, length, **_: wins(length > 0, is_first=is_first))
    assert found.length.interval.lower > 0.7
    assert found.human_length.interval.upper < 0.3
    assert 0.0 == found.changed.value
    assert found.kappa.interval.lower < 0 < found.kappa.interval.upper


def test_a_coin():
    """Its kappa is about 0, and about half of the pairs change with the order."""
    found = compared(lambda *, draw, **_: draw.choice("AB"))
    assert abs(found.kappa.value) < 0.1
    assert found.changed.interval.lower < 0.5 < found.changed.interval.upper


def test_a_judge_that_prefers_its_own():
    """It is lenient to its own answers and strict to the others."""
    found = compared(lambda *, is_first, candidate, **_: wins(candidate == "own", is_first=is_first))
    leniency = dict(found.leniency)
    assert leniency["own"].interval.lower > 0.4
    assert leniency["other"].interval.upper < -0.4


def graded(says):
    """Returns answers graded alone."""
    draw = random.Random(2)
    judged = []
    for row in range(ROWS):
        human = float(draw.random() < 0.7)
        verdict = says(human)
        worth = None if verdict is None else float(verdict == "correct")
        judgement = Judgement(worth=worth, verdicts=(verdict,))
        judged.append(Judged(row=str(row), candidate="one", judgement=judgement, human=human, length=row))
    return report_on(judged)


def test_always_yes():
    """Sensitivity 1 and specificity 0, each with an interval; agreement is only the share that is right."""
    found = graded(lambda _: "correct")
    assert (1.0, 0.0) == (found.sensitivity.value, found.specificity.value)
    assert 0 == found.specificity.interval.lower < found.specificity.interval.upper < 0.1
    assert found.kappa.value == pytest.approx(0)
    assert 0.2 < dict(found.leniency)["one"].interval.lower
    assert (None, None) == (found.length.value, found.first.value)


def test_missing_verdicts_are_counted_and_left_out():
    """They agree with nobody and disagree with nobody."""
    found = graded(lambda human: "correct" if human else None)
    assert found.unreadable > 0
    assert (found.n - found.unreadable, 1.0) == (found.agreement.n, found.agreement.value)


def test_without_people_only_what_a_judge_shows_by_itself_is_known():
    """Not measured is a state of its own."""
    judgement = Judgement(worth=1.0, verdicts=("A", "B"))
    found = report_on([Judged(row="a", candidate="x", judgement=judgement, human=None, length=3)])
    assert (None, 0) == (found.kappa.value, found.kappa.n)
    assert ((), 0.0) == (found.leniency, found.changed.value)
    assert 0 == report_on([]).n
