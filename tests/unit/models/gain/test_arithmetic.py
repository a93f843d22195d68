"""The reader of written sums."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.models.gain.arithmetic import MAX_BRACKET_DEPTH, MAX_EXPRESSION_CHARS, value_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3+4*5", 23.0),
        ("(3 + 4) * 5", 35.0),
        ("80,000+50,000", 130_000.0),
        ("50%*12", 6.0),
        ("1/3*12", 4.0),
        ("-3--4", 1.0),
        ("$1.50 × 2", 3.0),
        (".5*4", 2.0),
        ("20 x 3", 60.0),
    ],
)
def test_a_sum_has_its_value(text: str, expected: float) -> None:
    """Numbers, the four operations, brackets, per cent and money signs are read as people mean them."""
    assert value_of(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text", ["", "abc", "__import__('os')", "2**3", "1/0", "(1", "1)", "1 2", "()", "1e9", "9" * 300 + "+1"]
)
def test_what_is_no_sum_has_no_value(text: str) -> None:
    """Names, calls, powers, broken brackets and divisions by zero give None, and nothing is run."""
    assert value_of(text) is None


def test_depth_and_length_are_bounded() -> None:
    """Brackets deeper and expressions longer than the limits are refused, not followed."""
    deep = "(" * (MAX_BRACKET_DEPTH + 1) + "1" + ")" * (MAX_BRACKET_DEPTH + 1)
    fits = "(" * MAX_BRACKET_DEPTH + "1" + ")" * MAX_BRACKET_DEPTH
    assert value_of(deep) is None
    assert value_of(fits) == 1.0
    assert value_of("1+" * (MAX_EXPRESSION_CHARS // 2) + "1") is None


@given(st.text(alphabet="0123456789.,+-*/()%$x <>=#abc", max_size=60))
def test_any_text_gives_a_number_or_none(text: str) -> None:
    """No text raises."""
    value = value_of(text)
    assert value is None or isinstance(value, float)
