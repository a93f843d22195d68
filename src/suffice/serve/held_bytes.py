"""How many bytes of requests' bodies one server holds in memory, over all its connections."""

from __future__ import annotations

from collections.abc import Callable

_MUCH_BYTES = 32 << 20


class HeldBytes:
    """A count with a bound: connections take bytes as they come, and give them back with the answer.

    `emptied` is called once nothing is held any more, after it had been much.
    """

    __slots__ = ("_emptied", "_most", "_now", "_was_much")

    def __init__(self, most: int, *, emptied: Callable[[], None] = lambda: None) -> None:
        self._most = most
        self._now = 0
        self._emptied = emptied
        self._was_much = False

    @property
    def room(self) -> int:
        """Returns how many more bytes may be held; 0 or less for none."""
        return self._most - self._now

    def take(self, count: int) -> bool:
        """Counts bytes that have come, and says whether they may stay."""
        self._now += count
        if self._now > _MUCH_BYTES:
            self._was_much = True
        return self._now <= self._most

    def give_back(self, count: int) -> None:
        """Counts bytes as gone."""
        self._now -= count
        if self._was_much and not self._now:
            self._was_much = False
            self._emptied()
