"""How deep and how wide JSON of others may be: every list and object takes time in which all calls wait."""

from typing import Any

_DEEPEST = 100  # levels of nesting; far below Python's limit of recursion, which everything after relies on
_MOST_PARTS = 50_000
# Before the text is parsed only its signs can be counted, and strings have some too.
_MOST_BRACKETS = 300_000
# Objects with many names, and long lists, take longer to parse than to send: about a second for 16 MB.
_MOST_SIGNS = {b":": 300_000, b",": 1_000_000}
_NESTING = (dict, list)


def brackets_in(raw: bytes) -> int:
    """Returns how many lists and objects a JSON text holds at most."""
    return raw.count(b"{") + raw.count(b"[")


def excess_unparsed(raw: bytes, brackets: int) -> str:
    """Returns what is too much in a JSON text with so many brackets; "" where it may be parsed."""
    if brackets > _MOST_BRACKETS:
        return f"{brackets:,} opening brackets, more than {_MOST_BRACKETS:,}"
    for sign, most in _MOST_SIGNS.items():
        if len(raw) > most and (count := raw.count(sign)) > most:
            return f"the sign {sign.decode()!r} {count:,} times, more than {most:,}"
    return ""


def excess_in(value: Any, brackets: int) -> str:
    """Returns what is too much in a parsed JSON value of so many brackets, "" for nothing.

    Looked at level by level: a deep value must not need a deep stack.
    """
    if brackets <= _DEEPEST:
        return ""
    depth, parts, level = 0, 0, [value]
    while level:
        depth += 1
        parts += len(level)
        if depth > _DEEPEST:
            return f"more than {_DEEPEST} levels of nesting"
        if parts > _MOST_PARTS:
            return f"more than {_MOST_PARTS:,} lists and objects"
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, _NESTING)
        ]
    return ""
