"""What is seen in a small model's answer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.models.gain.answer_features import FEATURES, answer_features, answer_matrix

PROMPT = "A crate holds 12 pears and 7 plums. How many fruits are in 3 crates?"
GOOD = "One crate holds 12 + 7 = <<12+7=19>>19 fruits.\nThree hold 19 * 3 = <<19*3=57>>57.\n#### 57"


def test_a_sound_answer_shows_no_fault() -> None:
    """Right sums, all numbers used, and the final answer equal to the last result."""
    seen = answer_features(PROMPT, GOOD)
    expected = {
        "has_final": 1.0,
        "sums": 2.0,
        "sums_wrong": 0.0,
        "plain_sums": 2.0,
        "plain_sums_wrong": 0.0,
        "final_is_last_result": 1.0,
        "numbers_unused": 0.0,
        "ends_mid_sentence": 0.0,
    }
    assert expected == {name: seen[name] for name in expected}


@pytest.mark.parametrize(
    ("answer", "feature", "expected"),
    [
        (GOOD.replace("12+7=19", "12+7=18"), "sums_wrong", 1.0),
        (GOOD.replace("12 + 7 = ", "12 + 7 pears = 21, so "), "plain_sums_wrong", 1.0),
        (GOOD[: GOOD.index(">>57")], "open_sums", 1.0),
        (GOOD[: GOOD.index("####")].rstrip(" .\n"), "ends_mid_sentence", 1.0),
        ("#### 57", "numbers_unused", 3.0),
        ("However, I am not sure.\n#### 57", "hedges", 2.0),
        (GOOD.replace("#### 57", "#### 56"), "final_is_last_result", 0.0),
        ("", "empty", 1.0),
        ("<<two+two=4>>", "sums_unreadable", 1.0),
        ("1/3 of 10 is 10/3 = <<10/3=3.33>>3.33", "sums_wrong", 0.0),
    ],
)
def test_a_fault_shows_in_its_feature(answer: str, feature: str, expected: float) -> None:
    """Wrong sums, cut-off text, unused numbers, hedging and foreign results are each told apart."""
    assert answer_features(PROMPT, answer)[feature] == expected


@given(prompt=st.text(max_size=80), answer=st.text(alphabet="0123456789=<>+*/#. \nab%$", max_size=200))
def test_any_answer_gives_finite_features(prompt: str, answer: str) -> None:
    """No text raises or gives a value that a learner cannot take."""
    row = answer_matrix([prompt], [answer])
    assert row.shape == (1, len(FEATURES))
    assert np.isfinite(row).all()


def test_no_answers_give_no_rows() -> None:
    """An empty batch keeps the columns."""
    assert answer_matrix([], []).shape == (0, len(FEATURES))


def test_a_hostile_answer_is_read_in_bounded_time() -> None:
    """A megabyte of equal signs and brackets is cut, and still gives finite features."""
    row = answer_matrix(["2 and 3"], ["1+" * 500_000 + "=1" * 100_000 + "<<" * 1000])
    assert np.isfinite(row).all()
