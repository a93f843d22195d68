"""How many calls a server is asked at once, and how many may wait for their turn, and how long."""

import asyncio

from suffice.serve.errors import LimitReached
from suffice.serve.time_limit import TimeLimit


class Places:
    """So many places; who finds none free waits in a bounded queue, for a bounded time, first come first."""

    def __init__(self, tier: str, *, places: int, queue: int, queue_s: float) -> None:
        self._tier = tier
        self._free = asyncio.Semaphore(places)
        self._queue = queue
        self._queue_s = queue_s
        self._places = places
        self._waiting = 0
        self._taken = 0

    @property
    def waiting(self) -> int:
        """Returns how many calls wait."""
        return self._waiting

    @property
    def taken(self) -> int:
        """Returns how many places are taken."""
        return self._taken

    async def take(self, *, left_s: float) -> None:
        """Takes a place, at once where one is free, else within `queue_s` and the `left_s` of the call.

        Raises:
            LimitReached: the queue is full, or no place came free in time.
        """
        if self._free.locked():
            await self._wait(min(self._queue_s, left_s))
        else:
            await self._free.acquire()  # does not wait: one is free
        self._taken += 1

    def give_back(self) -> None:
        """Frees a place for the next one that waits."""
        self._taken -= 1
        self._free.release()

    async def _wait(self, at_most_s: float) -> None:
        if self._waiting >= self._queue:
            raise LimitReached(
                f"tier {self._tier} is busy: {self._places} calls at work, {self._waiting} waiting",
                retry_after_s=self._queue_s,
            )
        self._waiting += 1
        try:
            with TimeLimit(at_most_s):
                await self._free.acquire()
        except TimeoutError as error:
            raise LimitReached(
                f"tier {self._tier} is busy: no place came free within {at_most_s:.3g} s",
                retry_after_s=self._queue_s,
            ) from error
        finally:
            self._waiting -= 1
