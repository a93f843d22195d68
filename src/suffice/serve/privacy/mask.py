"""Puts placeholders in the place of private values: the same value gets the same one, all through a call."""

import re
from collections.abc import Callable, Iterable, Sequence

from suffice.serve.privacy.find import Find

_LOOKALIKE = re.compile(r"\[[A-Z][A-Z0-9_]*_[0-9]+\]")
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

    def everywhere(self) -> Callable[[str], str]:
        """Returns what masks every known value in a text, also where nothing told what it is."""
        by_value = {value: name for name, value in self.values.items() if len(value) >= _SHORTEST}
        if not by_value:
            return lambda text: text
        longest_first = sorted(by_value, key=len, reverse=True)
        pattern = re.compile("|".join(map(re.escape, longest_first)))

        def mask(text: str) -> str:
            if not any(value in text for value in longest_first):  # ten times as quick as the pattern
                return text
            return pattern.sub(lambda match: by_value[match.group()], text)

        return mask
