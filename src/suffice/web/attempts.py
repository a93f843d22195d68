"""Wrong keys at the log-in: counted by who guesses and whose key is guessed, so that guessing slows down."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable

from suffice.clock import Clock
from suffice.serve.errors import LimitReached

WINDOW_S = 60.0
FREE = 10  # wrong keys a minute that are answered at once
HELD_S, MOST_HELD = 1.0, 32
_SOURCES_LIMIT = 10_000


class Attempts:
    """Counts wrong keys by source: an address, or a key's public id; what is remembered is bounded.

    Nobody is locked out: it is asked only about keys that were wrong. A key's 256 random bits are not
    found by guessing at any rate, so a limit on right ones would stop their owners alone.
    """

    def __init__(self, clock: Clock, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()
        self._held = 0

    async def failed(self, *sources: str) -> None:
        """Counts a wrong key; beyond the free ones of a minute it is answered after a second.

        So many answers are held back at most: the further ones come at once, for waiting costs memory too.

        Raises:
            LimitReached: one of the sources has used up its free ones.
        """
        wait_s = max(self._counted(source) for source in sources)
        if wait_s <= 0:
            return
        if self._held < MOST_HELD:
            self._held += 1
            try:
                await self._sleep(HELD_S)
            finally:
                self._held -= 1
        raise LimitReached("too many wrong keys: a right one is let in at any time", retry_after_s=wait_s)

    def _counted(self, source: str) -> float:
        """Counts one failure, and returns how long it takes until another is free; 0 for one that was."""
        now = self._clock.elapsed_s()
        times = self._failed.setdefault(source, deque(maxlen=FREE + 1))
        times.append(now)
        self._failed.move_to_end(source)
        while len(self._failed) > _SOURCES_LIMIT:
            self._failed.popitem(last=False)
        if len(times) <= FREE or now - times[0] >= WINDOW_S:
            return 0.0
        return WINDOW_S - (now - times[1])
