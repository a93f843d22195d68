"""How many bytes of requests' bodies one server holds in memory, over all its connections."""

from __future__ import annotations


class HeldBytes:
    """A count with a bound: connections take bytes as they come, and give them back with the answer."""

    __slots__ = ("_most", "_now")

    def __init__(self, most: int) -> None:
        self._most = most
        self._now = 0

    @property
    def room(self) -> int:
        """Returns how many more bytes may be held; 0 or less for none."""
        return self._most - self._now

    def take(self, count: int) -> bool:
        """Counts bytes that have come, and says whether they may stay."""
        self._now += count
        return self._now <= self._most

    def give_back(self, count: int) -> None:
        """Counts bytes as gone."""
        self._now -= count
