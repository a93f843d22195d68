"""Returns where a text has digits enough to be a number of somebody's, and what stands around them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Tick = Callable[[], None]  # called often while looking; raises where the time is up

# Six digits or more, with at most three separating signs between two of them.
RUN = re.compile(r"[0-9](?:[ \-./()\n\r\t_]{0,3}[0-9]){5,}")
# Digits that anything may separate but letters: too common in tables and times to be looked at as RUN is.
_ODD_RUN = re.compile(r"[0-9](?:[ \-./()\n\r\t_,:;*|~+='\"#\\<>\[\]{}]{0,8}[0-9]){9,}")
_TICK_EVERY = 1024  # groups
_GROUP = re.compile(r"[0-9]+")
_BEFORE, _AFTER = 60, 25  # signs that are looked at for words such as "passport" or "tel."


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of digits and separators; `groups` are (start, end) of its unbroken digits, in the text."""

    text: str
    start: int
    end: int
    groups: tuple[tuple[int, int], ...]
    tick: Tick

    def digits(self, first: int, last: int) -> str:
        """Returns the digits of groups `first` to `last`, both included."""
        return "".join(self.text[start:end] for start, end in self.groups[first : last + 1])

    def lengths(self, first: int, last: int) -> tuple[int, ...]:
        """Returns how many digits each of these groups has."""
        return tuple(end - start for start, end in self.groups[first : last + 1])

    def windows(self, fewest: int, most: int) -> Iterator[tuple[int, int]]:
        """Returns neighbouring groups that have so many digits together, longest first from each start."""
        groups = self.groups
        for first in range(len(groups)):
            self.tick()
            total, fitting = 0, []
            for last in range(first, len(groups)):
                start, end = groups[last]
                total += end - start
                if total > most:
                    break
                if total >= fewest:
                    fitting.append(last)
            for last in reversed(fitting):
                yield first, last

    def is_apart(self, first: int, last: int) -> bool:
        """Says whether these groups are separated from their neighbours otherwise than from one another."""
        inside = {self._gap(at) for at in range(first, last)}
        return (first == 0 or self._gap(first - 1) not in inside) and (
            last == len(self.groups) - 1 or self._gap(last) not in inside
        )

    def _gap(self, at: int) -> str:
        """Returns what stands between a group and the next."""
        return self.text[self.groups[at][1] : self.groups[at + 1][0]]

    def is_fraction(self, first: int) -> bool:
        """Says whether a group is what stands behind a decimal point: `1.` before it, or `0,`.

        Behind any other number a comma parts the columns of a table more often.
        """
        start = self.groups[first][0]
        before = self.text[max(0, start - 3) : start]
        if before.endswith(","):
            return before[-2:-1] == "0" and not before[:-2].isdigit()
        return before.endswith(".") and before[-2:-1].isdigit()


def runs(text: str, tick: Tick) -> Iterator[Run]:
    """Returns the runs of a text in order."""
    for match in RUN.finditer(text):
        start, end = match.span()
        tick()
        groups = []
        for group in _GROUP.finditer(text, start, end):
            groups.append(group.span())
            if not len(groups) % _TICK_EVERY:
                tick()
        yield Run(text, start, end, tuple(groups), tick)


def odd_runs(text: str, tick: Tick) -> Iterator[Run]:
    """Returns the runs whose groups something odd separates, each the same: `4111*1111*1111*1111`."""
    for match in _ODD_RUN.finditer(text):
        groups = [group.span() for group in _GROUP.finditer(text, *match.span())]
        first = 0
        while first < len(groups) - 1:
            tick()
            gap = text[groups[first][1] : groups[first + 1][0]]
            last = first + 1
            while last < len(groups) - 1 and text[groups[last][1] : groups[last + 1][0]] == gap:
                last += 1
            if RUN.fullmatch(f"0{gap}00000") is None:
                yield Run(text, groups[first][0], groups[last][1], tuple(groups[first : last + 1]), tick)
            first = last


def around(text: str, start: int, end: int, lead: str) -> str:
    """Returns the words near a place in lower case; `lead` is what came before the text, e.g. its key."""
    before = text[max(0, start - _BEFORE) : start]
    if start < _BEFORE:
        before = f"{lead} {before}"
    return f"{before} {text[end : end + _AFTER]}".lower()
