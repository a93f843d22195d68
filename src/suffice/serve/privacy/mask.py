"""Puts placeholders in the place of private values: the same value gets the same one, all through a call."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from suffice.serve.privacy.find import Find
from suffice.serve.privacy.numbers import Tick

_LOOKALIKE = re.compile(r"\[[A-Z][A-Z0-9_]*_[0-9]+\]")
_FEW = 64  # values that are looked for one by one; a pattern of thousands takes seconds to compile
_TICK_EVERY = 4096  # places of a text
_SHORTEST = 6  # signs of a value that is masked wherever it stands, found there or not


class Placeholders:
    """One call's placeholders and what they stand for; lives as long as the call, and shows nothing of it."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Takes the call's texts: what looks like a placeholder there already is never used as one."""
        self._taken = {match for text in texts if "[" in text for match in _LOOKALIKE.findall(text)}
        self._of: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self.values: dict[str, str] = {}

    def __repr__(self) -> str:
        """Returns how many there are; never a value."""
        return f"Placeholders({len(self.values)})"

    def of(self, name: str, value: str) -> str:
        """Returns the placeholder of a value of a class, e.g. `[EMAIL_1]`."""
        placeholder = self._of.get((name, value))
        if placeholder is None:
            placeholder = self._new(name)
            self._of[name, value] = placeholder
            self.values[placeholder] = value
        return placeholder

    def _new(self, name: str) -> str:
        """Returns the next placeholder of a class that the call's texts do not hold."""
        while True:
            number = self._counts[name] = self._counts.get(name, 0) + 1
            placeholder = f"[{name.upper()}_{number}]"
            if placeholder not in self._taken:
                return placeholder

    def masked(self, text: str, finds: Sequence[Find]) -> str:
        """Returns a text with placeholders where finds are; they are in order and do not overlap."""
        parts, last = [], 0
        for start, end, name in finds:
            parts += [text[last:start], self.of(name, text[start:end])]
            last = end
        return "".join([*parts, text[last:]])

    def everywhere(self, tick: Tick = lambda: None) -> Callable[[str], str]:
        """Returns what masks every known value in a text, also where nothing told what it is.

        It raises what `tick` raises, where the values are many.
        """
        by_value = {value: name for name, value in self.values.items() if len(value) >= _SHORTEST}
        if not by_value:
            return lambda text: text
        if len(by_value) > _FEW:
            return partial(
                _masked_by_start, by_value=by_value, lengths=_lengths_by_start(by_value), tick=tick
            )
        longest_first = sorted(by_value, key=len, reverse=True)
        pattern = re.compile("|".join(map(re.escape, longest_first)))

        def mask(text: str) -> str:
            if not any(value in text for value in longest_first):  # ten times as quick as the pattern
                return text
            return pattern.sub(lambda match: by_value[match.group()], text)

        return mask


def _lengths_by_start(values: Iterable[str]) -> Mapping[str, Sequence[int]]:
    """Returns how long the values are that begin with the same signs, longest first."""
    lengths: dict[str, set[int]] = defaultdict(set)
    for value in values:
        lengths[value[:_SHORTEST]].add(len(value))
    return {start: sorted(some, reverse=True) for start, some in lengths.items()}


def _masked_by_start(
    text: str, *, by_value: Mapping[str, str], lengths: Mapping[str, Sequence[int]], tick: Tick
) -> str:
    """Returns a text with its values masked, from left to right and the longest first, as a pattern would."""
    parts, last, place, next_tick = [], 0, 0, 0
    while place <= len(text) - _SHORTEST:
        if place >= next_tick:
            tick()
            next_tick = place + _TICK_EVERY
        for length in lengths.get(text[place : place + _SHORTEST], ()):
            placeholder = by_value.get(text[place : place + length])
            if placeholder is not None:
                parts += [text[last:place], placeholder]
                place = last = place + length
                break
        else:
            place += 1
    return "".join([*parts, text[last:]]) if parts else text
