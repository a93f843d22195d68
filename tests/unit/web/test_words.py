"""Values in the words of the pages."""

import pytest

from suffice.web.words import pretty


@pytest.mark.parametrize("depth", [300, 900, 100_000])
def test_a_text_that_is_nested_too_deep_is_shown_as_it_is(depth):
    """A call that was refused for it is shown all the same."""
    text = "[" * depth + "]" * depth
    assert text == pretty(text).translate({ord("\n"): None, ord(" "): None})


def test_json_is_shown_over_several_lines():
    """Also where a text holds it; other text stays."""
    assert '{\n  "a": 1\n}' == pretty({"a": 1}) == pretty('{"a": 1}')
    assert "1" == pretty("1")
    assert "{" == pretty("{")
