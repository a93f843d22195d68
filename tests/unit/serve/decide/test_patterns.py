"""Patterns of clients: found in linear time, compiled only where that is quick."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.serve.decide.pattern_cost import compile_cost
from suffice.serve.decide.patterns import PatternRefused, pattern_of


@pytest.mark.parametrize(
    ("pattern", "text", "is_in"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        ("^[A-Z]{2}$", "DE", True),
        ("^[A-Z]{2}$", "DE\n", False),  # as in ECMA 262; Python's `$` allows a last line break
        ("ä+", "xää", True),
        ("", "", True),
    ],
)
def test_patterns_are_found_anywhere(pattern, text, is_in):
    """Unless they are anchored."""
    assert is_in == pattern_of(pattern).is_in(text)


@pytest.mark.parametrize("pattern", ["(", "a{", "(?=a)", r"(a)\1", "a" * 300, "((a{1000}){1000}){1000}"])
def test_what_is_no_pattern_here_is_refused(pattern):
    """With words a client can use."""
    with pytest.raises(PatternRefused):
        pattern_of(pattern)


@pytest.mark.parametrize(
    ("pattern", "cost"),
    [
        ("", 0),
        ("abc", 3),
        ("a{10}", 10),
        ("a{2,7}", 7),
        ("a{5,}", 5),
        ("(ab{3}){5}", 20),
        ("((a{50}){50}){50}", 125_000),
        (r"\w{4}", 100),
        (r"[\w-]{2}", 50),
        ("[a-z]{9}", 9),
        (r"[]\]x]{3}", 3),
        (r"\{5\}", 3),
        ("a|b{3}", 4),
    ],
)
def test_the_cost_grows_as_parts_are_copied(pattern, cost):
    """Counts multiply what stands before them, groups and all."""
    assert cost == compile_cost(pattern)


@settings(max_examples=100, deadline=None)
@given(st.text("ab(){}[]\\w,25^$*+?|.-", max_size=20))
def test_every_text_has_a_cost(text):
    """Also what is no pattern; a count never makes it cheaper."""
    cost = compile_cost(text)
    assert cost >= 0
    assert cost <= compile_cost(f"({text}){{3}}") or not _is_pattern(text)


def _is_pattern(text):
    try:
        re.compile(text)
    except (re.error, OverflowError):
        return False
    return True
