"""New rows of an extract task made from its own train rows: values swapped between rows."""

import copy
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from suffice.task import JsonValue

Place = tuple[str | int, ...]  # the keys and positions that lead to a value

_MEAN_USES = 20  # a field whose values are met more often than this is closed


@dataclass(frozen=True, kw_only=True)
class _Row:
    text: str
    target: Any
    spans: tuple[tuple[int, int, Place], ...]  # begin, end, place; in order, disjoint


class ValueSwapper:
    """Makes variations of (text, JSON) rows whose answers quote their text.

    A string of the answer that stands in the text once, between word ends, is a slot. A variation
    puts into each slot, with probability `share`, another row's value of the same field; with
    probability `strange` of those, words taken from anywhere in the train texts instead, so that the
    text around it, and not the value, has to tell what it is; not so in fields of few different values. A
    field that most rows do not quote is left alone.
    """

    def __init__(self, rows: Sequence[tuple[str, JsonValue]], *, share: float, strange: float = 0.0) -> None:
        self._share, self._strange = share, strange
        quoted = _quoted_fields(rows)
        self._rows = [
            _Row(text=text, target=target, spans=_spans(text, target, quoted)) for text, target in rows
        ]
        self._values: dict[Place, list[str]] = defaultdict(list)
        for row in self._rows:
            for begin, end, place in row.spans:
                self._values[_field(place)].append(row.text[begin:end])
        self._open = {
            field for field, values in self._values.items() if len(set(values)) > len(values) / _MEAN_USES
        }
        self._words = [word for text, _ in rows for word in text.split()]

    @property
    def slots(self) -> int:
        """Returns how many values can be swapped; 0 where answers do not quote their texts."""
        return sum(len(values) for values in self._values.values())

    def variation(self, row: int, rng: np.random.Generator) -> tuple[str, JsonValue]:
        """Returns a variation of one row, or the row itself where the dice say so."""
        chosen = self._rows[row]
        if not chosen.spans:
            return chosen.text, chosen.target
        target, parts, at = copy.deepcopy(chosen.target), [], 0
        for begin, end, place in chosen.spans:
            value = chosen.text[begin:end]
            if rng.random() < self._share:
                value = self._lent(_field(place), rng)
            parts += [chosen.text[at:begin], value]
            at = end
            _put(target, place, value)
        return "".join([*parts, chosen.text[at:]]), target

    def _lent(self, field: Place, rng: np.random.Generator) -> str:
        values = self._values[field]
        value = values[int(rng.integers(len(values)))]
        if field not in self._open or rng.random() >= self._strange:
            return value
        count = len(value.split())
        return " ".join(self._words[int(place)] for place in rng.integers(len(self._words), size=count))


def _quoted_fields(rows: Sequence[tuple[str, JsonValue]]) -> set[Place]:
    """Returns the fields whose values stand in their texts in at least half of their rows."""
    met: Counter[Place] = Counter()
    quoted: Counter[Place] = Counter()
    for text, target in rows:
        for place, value in _strings(target, ()):
            met[_field(place)] += 1
            quoted[_field(place)] += bool(_occurrences(text, value))
    return {field for field, count in met.items() if 2 * quoted[field] >= count}


def _spans(text: str, target: JsonValue, quoted: set[Place]) -> tuple[tuple[int, int, Place], ...]:
    found: list[tuple[int, int, Place]] = []
    for place, value in _strings(target, ()):
        begins = _occurrences(text, value) if _field(place) in quoted else []
        if len(begins) == 1:
            found.append((begins[0], begins[0] + len(value), place))
    found.sort()
    kept: list[tuple[int, int, Place]] = []
    for span in found:
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return tuple(kept)


def _occurrences(text: str, value: str) -> list[int]:
    """Returns where a value stands in a text as whole words; nowhere, if it is blank."""
    begins, begin = [], text.find(value) if value.strip() else -1
    while begin >= 0:
        end = begin + len(value)
        if (begin == 0 or not text[begin - 1].isalnum()) and (end == len(text) or not text[end].isalnum()):
            begins.append(begin)
        begin = text.find(value, begin + 1)
    return begins


def _strings(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _strings(item, (*place, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _strings(item, (*place, index))
    elif isinstance(value, str):
        yield place, value


def _field(place: Place) -> Place:
    """Returns the field a place belongs to: positions in lists do not count."""
    return tuple(key for key in place if isinstance(key, str))


def _put(target: Any, place: Place, value: str) -> None:
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
