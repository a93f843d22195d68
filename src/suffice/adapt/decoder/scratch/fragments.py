"""The fixed parts of a task's answers: written as one token each, they cost one step each."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from suffice.models.prompt import Prompt
from suffice.task import JsonValue

_LEAST_ROWS = 3
_MOST_FRAGMENTS = 1024


def fragments(targets: Sequence[JsonValue], documents: Iterable[str], *, prompt: Prompt) -> tuple[str, ...]:
    """Returns the pieces of answers that are worth a token of their own, most frequent first.

    For JSON these are the keys with the punctuation around them, and the values of closed lists
    (`enum`, `const` of the schema); for labels and codes the whole answer. A piece that some document
    contains is left out: as a token it would change how documents are read. At most 1024 pieces that
    at least 3 answers contain.
    """
    counts: Counter[str] = Counter()
    for target in targets:
        if isinstance(target, str) and prompt.schema is None:
            counts[prompt.answer_text(target)] += 1
        else:
            counts.update(piece for piece, is_open in pieces(target, prompt) if not is_open)
    frequent = [(piece, count) for piece, count in counts.items() if count >= _LEAST_ROWS and len(piece) > 1]
    everything = "\n".join(documents)
    frequent = [(piece, count) for piece, count in frequent if piece not in everything]
    frequent.sort(key=lambda pair: (-pair[1], pair[0]))
    return tuple(piece for piece, _ in frequent[:_MOST_FRAGMENTS])


def pieces(target: JsonValue, prompt: Prompt) -> list[tuple[str, bool]]:
    """Returns the answer's text in pieces, each with whether it is open, i.e. differs from row to row.

    Joined they are `prompt.answer_text(target)`. The key of an open value begins a new piece, unless
    only the end of another open value stands before it.
    """
    value = json.loads(prompt.answer_text(target))
    joined: list[tuple[str, bool]] = []
    for text, is_open in _pieces(value, prompt.schema or {}, lead=""):
        before = joined[-1] if joined and not joined[-1][1] and not is_open else None
        if before is not None and (not text.startswith(_CUT) or before[0] == _QUOTE):
            joined[-1] = (before[0] + text.removeprefix(_CUT), False)
        elif text.removeprefix(_CUT):
            joined.append((text.removeprefix(_CUT), is_open))
    return joined


_CUT = "\x00"  # stands before the key of an open value; JSON text never holds it
_QUOTE = '"'


def _pieces(value: Any, schema: Any, *, lead: str) -> Iterator[tuple[str, bool]]:
    schema = schema if isinstance(schema, Mapping) else {}
    if isinstance(value, Mapping):
        named = schema.get("properties")
        named = named if isinstance(named, Mapping) else {}
        yield f"{lead}{{", False
        between = ""
        for key, item in value.items():
            inner = named.get(key)
            cut = _CUT if _is_open(item, inner) else ""
            yield from _pieces(item, inner, lead=f"{cut}{between}{_dumped(key)}:")
            between = ","
        yield "}", False
    elif isinstance(value, list):
        yield f"{lead}[", False
        for place, item in enumerate(value):
            yield from _pieces(item, schema.get("items"), lead="," if place else "")
        yield "]", False
    elif not _is_open(value, schema):
        yield f"{lead}{_dumped(value)}", False
    elif isinstance(value, str):
        yield f"{lead}{_QUOTE}", False
        yield _dumped(value)[1:-1], True
        yield _QUOTE, False
    else:
        yield lead, False
        yield _dumped(value), True


def _is_open(value: Any, schema: Any) -> bool:
    """Says whether a value is a string or number out of no closed list."""
    closed = isinstance(schema, Mapping) and ("enum" in schema or "const" in schema)
    return isinstance(value, str | int | float) and not isinstance(value, bool) and not closed


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
