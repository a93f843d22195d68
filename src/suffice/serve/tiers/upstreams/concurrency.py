"""How many calls a server is asked at once, and how many may wait for their turn, and how long."""

import asyncio
from collections import deque

from suffice.serve.errors import LimitReached
from suffice.serve.time_limit import TimeLimit


class Places:
    """So many places; who finds none free waits in a bounded queue, for a bounded time, first come first."""

    def __init__(self, tier: str, *, places: int, queue: int, queue_s: float) -> None:
        self._tier = tier
        self._queue = queue
        self._queue_s = queue_s
        self._places = places
        self._taken = 0
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def waiting(self) -> int:
        """Returns how many calls wait."""
        return len(self._line)

    @property
    def taken(self) -> int:
        """Returns how many places are taken."""
        return self._taken

    def take_free(self) -> bool:
        """Takes a place where one is free and nobody waits for one; says whether it did."""
        if self._taken >= self._places or self._line:
            return False
        self._taken += 1
        return True

    async def take(self, *, left_s: float) -> None:
        """Takes a place, at once where one is free, else within `queue_s` and the `left_s` of the call.

        Raises:
            LimitReached: the queue is full, or no place came free in time.
        """
        if self.take_free():
            return
        if len(self._line) >= self._queue:
            raise LimitReached(
                f"tier {self._tier} is busy: {self._places} calls at work, {len(self._line)} waiting",
                retry_after_s=self._queue_s,
            )
        at_most_s = min(self._queue_s, left_s)
        try:
            with TimeLimit(at_most_s):
                await self._wait()
        except TimeoutError as error:
            raise LimitReached(
                f"tier {self._tier} is busy: no place came free within {at_most_s:.3g} s",
                retry_after_s=self._queue_s,
            ) from error

    def give_back(self) -> None:
        """Gives a place to the next one that waits, or frees it."""
        while self._line:
            first = self._line.popleft()
            if not first.done():  # else it was cancelled just now
                first.set_result(None)
                return
        self._taken -= 1

    async def _wait(self) -> None:
        place = asyncio.get_running_loop().create_future()
        self._line.append(place)
        try:
            await place
        except BaseException:
            if place.done() and not place.cancelled():  # it came at the moment the wait ended
                self.give_back()
            elif place in self._line:
                self._line.remove(place)
            raise
