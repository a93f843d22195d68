"""A raw row: its fields and the place it came from; and the tally of what was odd on the way."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from suffice.task import Message

_EXAMPLES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One record of a file.

    `line` counts from 1; in Parquet it counts rows. `messages` are the turns of a chat.
    """

    fields: Mapping[str, Any]
    file: str
    line: int
    messages: tuple[Message, ...] = ()

    @property
    def place(self) -> str:
        """Returns file and line, for messages."""
        return f"{self.file}:{self.line}"


@dataclass
class Tally:
    """Counts oddities while rows stream by; keeps the first few places of each."""

    counts: dict[str, int] = field(default_factory=dict)
    places: dict[str, list[str]] = field(default_factory=dict)

    def add(self, what: str, place: str = "") -> None:
        """Counts one more of something."""
        self.counts[what] = self.counts.get(what, 0) + 1
        known = self.places.setdefault(what, [])
        if place and len(known) < _EXAMPLES:
            known.append(place)

    def count(self, what: str) -> int:
        """Returns how often something was counted."""
        return self.counts.get(what, 0)

    def examples(self, what: str) -> tuple[str, ...]:
        """Returns the first places it was met at."""
        return tuple(self.places.get(what, ()))


class RowReader(Protocol):
    """Streams one file's rows."""

    def __call__(self, path: Path, *, encoding: str | None, tally: Tally) -> Iterator[Row]:
        """Yields rows in file order.

        Raises:
            DataError: the file cannot be read as this format; names the line.
        """
        ...
