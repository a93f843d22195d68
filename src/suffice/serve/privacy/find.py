"""What was found in a text: which class, and where."""

from collections.abc import Callable, Iterable
from typing import NamedTuple


class Find(NamedTuple):
    """A piece of private data: from `start` up to `end` of a text."""

    start: int
    end: int
    name: str


def settled(finds: Iterable[Find], rank: Callable[[str], int]) -> list[Find]:
    """Returns the finds in order, none overlapping; `rank` says how strict a class's treatment is.

    Of two that overlap the stricter class takes both, so that no part of either is left over; the wider one
    where they are as strict. What may be sent as it is (rank 0) takes nothing from others, nor gives.
    """
    kept: list[Find] = []
    for find in sorted(set(finds), key=lambda find: (find.start, -find.end, -rank(find.name), find.name)):
        last = kept[-1] if kept else None
        if last is None or find.start >= last.end:
            kept.append(find)
        elif rank(last.name) == 0 and rank(find.name) > 0:
            kept[-1] = find  # what may be sent hides nothing that may not
        elif rank(find.name) > 0:
            name = find.name if rank(find.name) > rank(last.name) else last.name
            kept[-1] = Find(last.start, max(last.end, find.end), name)
    return kept
