"""How deep and wide JSON of others may be: counted before it is parsed, looked at once it is."""

import orjson
import pytest

from suffice.serve.json_shape import brackets_in, excess_in, excess_unparsed

HALF_A_MILLION = 500_000


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b'{"a": [' + b"{}," * HALF_A_MILLION + b"{}]}", "opening brackets"),
        (b"[" + b"1," * 3 * HALF_A_MILLION + b"1]", "the sign ','"),
        (b"{" + b'"a":1,' * HALF_A_MILLION + b'"b":1}', "the sign ':'"),
        (b'{"a": "' + b"x" * 16_000_000 + b'"}', ""),
        (b"[" + b"1," * HALF_A_MILLION + b"1]", ""),
        (b'{"a": [[]]}', ""),
    ],
    ids=["objects", "a list", "names", "a long text", "a list that is not too long", "a usual one"],
)
def test_what_takes_long_to_parse_is_not_parsed(raw, told):
    """A list of 8 million numbers, or an object of a million names, would take a second."""
    found = excess_unparsed(raw, brackets_in(raw))
    assert told in found
    assert bool(told) == bool(found)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([[1] * 10] * 200, ""),
        ([[]] * 60_000, "lists and objects"),
        ({"a": [{"b": []}] * 30_000}, "lists and objects"),
        (orjson.loads("[" * 101 + "]" * 101), "levels"),
        (orjson.loads("[" * 100 + "]" * 100), ""),
    ],
)
def test_what_is_too_wide_or_too_deep_is_told(value, told):
    """Level by level, whatever the lists hold beside lists."""
    found = excess_in(value, brackets_in(orjson.dumps(value)))
    assert told in found
    assert bool(told) == bool(found)
