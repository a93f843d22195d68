"""When two answers are the same: objects, texts, numbers."""

from decimal import Decimal

import pytest

from suffice import forms


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ({"a": 1, "b": "x"}, '{"b": "x", "a": 1.0}', True),
        ({"a": "Café  au lait "}, '{"a": "Cafe\u0301 au lait"}', True),
        ({"a": "x"}, '```json\n{"a": "x"}\n```', True),
        ({"a": None, "b": [], "c": {"d": None}}, "{}", True),
        ({"a": [1, 2]}, '{"a": [2, 1]}', False),
        ({"a": 1}, '{"a": true}', False),
        ({"a": 1}, '{"a": "1"}', False),
        ({"a": "x"}, '{"a": "X"}', False),
        ({"a": 0}, "{}", False),
    ],
)
def test_objects_are_compared_by_what_they_say(one, other, is_same):
    """Key order, white space, integer or float, null or absent do not count; types, case, list order do."""
    assert is_same == (forms.object_form(one) == forms.object_form(other))


def test_case_does_not_count_where_the_task_says_so():
    """`ignore_case` folds texts, not keys."""
    folded = forms.object_form({"a": "X"}, ignore_case=True)
    assert folded == forms.object_form({"a": "x"}, ignore_case=True)
    assert folded != forms.object_form({"A": "x"}, ignore_case=True)


@pytest.mark.parametrize(
    "answer", ["", "none", "[1]", '{"a": NaN}', '{"a": 1} so there', "{" * 100_000, '{"a": "1}']
)
def test_what_is_no_object_has_no_form(answer):
    """Prose around an object, another JSON value, a broken or bottomless one: no answer at all."""
    assert forms.object_form(answer) is None


def test_pairs_of_a_nested_object():
    """Paths go through objects and lists; a value twice in a list counts twice."""
    found = forms.pairs({"a": {"b": "x"}, "c": [1, 1.0, {"d": True}], "e": None})
    assert {("a.b", '"x"'): 1, ("c[]", "1"): 2, ("c[].d", "true"): 1} == dict(found)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("so it is $1,234.50.", "1234.50"),
        ("5-3", "3"),
        ("it fell to -$4", "-4"),
        ("a 12% rise, 3 in all", "3"),
        ("about 1.5e3", "1.5e3"),
        ("no number", None),
        ("version 2,3", "3"),
        (".5", ".5"),
    ],
)
def test_the_last_number_of_a_text(text, number):
    """Currency signs, thousands and the full stop after it do not count; a minus between numbers is none."""
    assert (None if number is None else Decimal(number)) == forms.number_of(text)


def test_equal_numbers_have_one_form():
    """1,250.0 is 1250, with or without words around it."""
    assert "1250" == forms.number_form("1,250.0 dollars") == forms.number_form("it is 1250")


def test_normalised_texts():
    """Case, punctuation, articles and white space do not count."""
    assert forms.normalised_form(" The  Eiffel-Tower!") == forms.normalised_form("an eiffeltower")


def test_what_a_pattern_finds():
    """The last find counts: its group where it has one."""
    assert "7" == forms.found_form("#### 3 then #### 7", pattern=r"#### (\d+)")
    assert forms.found_form("nothing", pattern="x+") is None
