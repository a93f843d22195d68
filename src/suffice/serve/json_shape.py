"""How deep and how wide JSON of others may be: every list and object takes time in which all calls wait."""

from typing import Any

_DEEPEST = 100  # levels of nesting; far below Python's limit of recursion, which everything after relies on
_MOST_PARTS = 50_000
# Before the text is parsed only brackets can be counted, and strings have some too.
_MOST_BRACKETS = 300_000


def brackets_in(raw: bytes) -> int:
    """Returns how many lists and objects a JSON text holds at most."""
    return raw.count(b"{") + raw.count(b"[")


def excess_unparsed(brackets: int) -> str:
    """Returns what is too much in a JSON text with so many brackets; "" where it may be parsed."""
    return f"{brackets:,} opening brackets, more than {_MOST_BRACKETS:,}" if brackets > _MOST_BRACKETS else ""


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
            if isinstance(inner, dict | list)
        ]
    return ""
