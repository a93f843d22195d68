"""The figures of the routing benchmark."""

import numpy as np
import pytest

from bench.proof.recorded import Recorded
from bench.routellm.figures import apgr_by_quantiles, paired_difference
from bench.routellm.rows import by_prompt, taken


def toy(n: int = 400) -> Recorded:
    """Returns rows where the strong model is right twice as often; every prompt stands there twice."""
    rng = np.random.default_rng(0)
    return Recorded(
        name="toy",
        prompts=[f"prompt {i // 2}" for i in range(n)],
        answers=["####"] * n,
        weak=rng.random(n) < 0.4,
        strong=rng.random(n) < 0.8,
    )


def test_quantiles_give_the_closed_form_on_a_perfect_order() -> None:
    """With gains first, ties next and losses last, the trapezoid over deciles is the exact area."""
    weak = np.array([0] * 40 + [1] * 60, bool)
    strong = np.array([1] * 90 + [0] * 10, bool)
    data = Recorded(name="toy", prompts=[""] * 100, answers=[""] * 100, weak=weak, strong=strong)
    # From 0 the quality gained rises to 40 at a share of .4, stays to .9 and falls to 30; the gap is 30.
    expected = (0.4 * 40 / 2 + 0.5 * 40 + 0.1 * 35) / 30
    assert apgr_by_quantiles(np.arange(100, 0, -1.0), data) == pytest.approx(expected, abs=0.02)


def test_a_score_does_not_differ_from_itself() -> None:
    """The paired difference of equal scores is nil, with no spread."""
    data = toy()
    scores = np.random.default_rng(1).random(400)
    assert paired_difference(scores, scores, data) == "+0.0000 ± 0.0000"


def test_equal_prompts_share_a_fold() -> None:
    """No prompt is learnt from in one fold and scored in another."""
    data = toy()
    fold = by_prompt(data)
    assert np.array_equal(fold[::2], fold[1::2])
    assert set(range(5)) == set(fold)


def test_taken_rows_keep_their_marks() -> None:
    """Choosing rows keeps prompt and marks together."""
    data = toy()
    part = taken(data, data.strong & ~data.weak)
    assert part.strong.all()
    assert not part.weak.any()
    assert len(part.prompts) == int((data.strong & ~data.weak).sum())
