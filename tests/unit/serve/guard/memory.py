"""A key store and sums of events in memory, and a clock that tests set, behind the guard's ports."""

import dataclasses
from datetime import UTC, datetime, timedelta

from suffice.errors import OutputError, SufficeError
from suffice.serve.key import Spent

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class HandClock:
    """Time that a test moves: `tick` both clocks, `wall` the one that people set."""

    def __init__(self, wall: datetime = NOON) -> None:
        self.wall = wall
        self.steady_s = 1000.0

    def now(self) -> datetime:
        """Returns the wall's time."""
        return self.wall

    def elapsed_s(self) -> float:
        """Returns the steady clock's seconds."""
        return self.steady_s

    def tick(self, seconds: float) -> None:
        """Lets time pass."""
        self.wall += timedelta(seconds=seconds)
        self.steady_s += seconds


class MemoryKeys:
    """Keys in a dict; counts look-ups, and fails while `is_down`."""

    def __init__(self) -> None:
        self.keys = {}
        self.asked = []
        self.touched = {}
        self.is_down = False

    async def add(self, key) -> None:
        """Keeps a key."""
        if key.id in self.keys:
            raise OutputError("there is one of this id")
        self.keys[key.id] = key

    async def find(self, key_id):
        """Returns the key of an id."""
        self.asked.append(key_id)
        if self.is_down:
            raise SufficeError("the store is down")
        return self.keys.get(key_id)

    async def all_keys(self):
        """Returns every key."""
        return list(self.keys.values())

    async def revoke(self, key_id, *, at) -> bool:
        """Marks a key as revoked."""
        if key_id not in self.keys:
            return False
        key = self.keys[key_id]
        self.keys[key_id] = dataclasses.replace(key, revoked_at=key.revoked_at or at)
        return True

    async def touch(self, used) -> None:
        """Remembers the times."""
        self.touched.update(used)


class MemorySpending:
    """Sums that a test sets."""

    def __init__(self, **sums: Spent) -> None:
        self.sums = sums
        self.asked = []

    async def spent_since(self, since):
        """Returns the sums."""
        self.asked.append(since)
        return self.sums
