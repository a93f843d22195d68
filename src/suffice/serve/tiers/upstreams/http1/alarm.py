"""One timer for a deadline that moves with every exchange: it is set a thousand times, and rings rarely."""

import asyncio
from collections.abc import Callable

# uvloop counts in milliseconds: a timer may ring that much too early.
_EARLY_S = 0.002


class Alarm:
    """Calls `ring` once the deadline that was set last is over.

    The loop's timer is left where it is while it rings no later than the deadline; it then looks again.
    So a deadline that only ever moves on, as those of a busy connection do, costs no timer.
    """

    __slots__ = ("_due_s", "_loop", "_ring", "_timer", "_timer_s")

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._due_s = 0.0
        self._timer_s = float("inf")
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Moves the deadline to so many seconds from now."""
        self._due_s = due_s = self._loop.time() + seconds
        if due_s < self._timer_s:
            self._start(seconds)

    def stop(self) -> None:
        """Rings no more, until it is set again."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_s = None, float("inf")

    def end(self) -> None:
        """Rings never again, and forgets whom it would have told."""
        self.stop()
        self._ring = _nobody

    def _start(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_s = self._due_s
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer, self._timer_s = None, float("inf")
        left_s = self._due_s - self._loop.time()
        if left_s > _EARLY_S:
            self._start(left_s)
        else:
            self._ring()


def _nobody() -> None:
    """Hears nothing."""
