"""Confusions and worst slices."""

from typing import Any

import pytest

from suffice.ports import Answer
from suffice.score import slices
from suffice.task import Sample


def rows(*pairs: tuple[str | None, str | None], length: int = 5) -> tuple[list[Sample], list[Answer]]:
    """Returns samples of these targets with these answers."""
    samples = [Sample(key=str(i), text="x" * length, target=target) for i, (target, _) in enumerate(pairs)]
    return samples, [Answer(text=answer) for _, answer in pairs]


def worst_slices(samples: list[Sample], answers: list[Answer], **more: Any) -> list[slices.Slice]:
    """Returns the slices of right or wrong answers."""
    worth = [float(s.target == a.text) for s, a in zip(samples, answers, strict=True)]
    return slices.worst_slices(samples, answers, worth, **more)


def test_confusions_are_counted_most_frequent_first() -> None:
    """Each wrong pair with its count and how often its label was wanted; no answer is one of them."""
    samples, answers = rows(*[("a", "b")] * 3, ("a", "a"), ("b", None), ("c", "C"), (None, "a"))
    found = slices.confusions(samples, answers)
    assert [("a", "b", 3, 4), ("b", "(no answer)", 1, 1)] == [
        (c.wanted, c.answered, c.count, c.of) for c in found
    ]
    assert 1 == len(slices.confusions(samples, answers, top=1))


def test_worst_label_comes_first_with_its_interval() -> None:
    """A label that is always wrong leads, with Wilson's interval for its n."""
    samples, answers = rows(*[("a", "b")] * 20, *[("b", "b")] * 100)
    worst = worst_slices(samples, answers)[0]
    assert ("label", "a", 20, 0.0) == (worst.by, worst.name, worst.n, worst.quality)
    assert pytest.approx(0.1611, abs=1e-4) == worst.interval.upper


def test_a_large_bad_slice_stands_above_a_small_unlucky_one() -> None:
    """Order is by the interval's upper end: 0 of 5 may be luck, 60 of 200 is not."""
    samples, answers = rows(*[("small", "x")] * 5, *[("large", "large")] * 60, *[("large", "y")] * 140)
    by_label = [s.name for s in worst_slices(samples, answers) if s.by == "label"]
    assert ["large", "small"] == by_label


def test_small_slices_are_left_out() -> None:
    """Below five samples nothing is said about a slice."""
    samples, answers = rows(*[("a", "b")] * 4)
    assert [] == [s for s in worst_slices(samples, answers) if s.by == "label" and s.n < 5]


def test_long_texts_may_be_the_worst() -> None:
    """Samples are cut into quarters by length, equal lengths together."""
    samples = [Sample(key=str(i), text="x" * (i + 1), target="a") for i in range(40)]
    answers = [Answer(text="a" if i < 30 else "b") for i in range(40)]
    by_length = [s for s in worst_slices(samples, answers, top=99) if s.by == "text length"]
    assert ("above 30 characters", 10, 0.0) == (by_length[0].name, by_length[0].n, by_length[0].quality)
    assert 40 == sum(s.n for s in by_length)


def test_without_targets_there_are_no_slices() -> None:
    """Nothing is known, nothing is said."""
    assert [] == worst_slices(*rows((None, "a")))


def test_shades_of_worth_have_an_interval_too() -> None:
    """Where answers are worth more than nothing and less than all, the mean's interval comes from bets."""
    samples, answers = rows(*[("a", "b")] * 20)
    found = slices.worst_slices(samples, answers, [0.25] * 10 + [0.75] * 10, by_label=False)
    assert ["text length"] == [s.by for s in found]
    assert pytest.approx(0.5) == found[0].quality
    assert found[0].interval.lower < 0.5 < found[0].interval.upper
