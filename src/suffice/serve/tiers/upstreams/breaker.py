"""A circuit breaker: a server that fails too often is left alone for a while, then tried with one call.

The states are those of Nygard, Release It! (2nd ed., 2018), ch. 5: closed, open, half-open.
"""

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from suffice.clock import Clock
from suffice.errors import SpecError

# So many calls are remembered at most, however many fall into the window.
_REMEMBERED = 1000


@dataclass(frozen=True, kw_only=True)
class BreakerSettings:
    """When a breaker opens, and for how long.

    It opens after `in_a_row` failures in a row, or where of at least `least_calls` calls within the
    last `window_s` seconds more than `failure_rate` failed; `open_s` later one call may try again.
    A call that had less than `fair_s` seconds says nothing about the server by running out of time.
    """

    in_a_row: int = 5
    failure_rate: float = 0.5
    least_calls: int = 20
    window_s: float = 30.0
    open_s: float = 10.0
    fair_s: float = 1.0

    def __post_init__(self) -> None:
        for name in ("in_a_row", "least_calls"):
            if getattr(self, name) < 1:
                raise SpecError(f"breaker: {name} must be at least 1, not {getattr(self, name)!r}")
        for name in ("window_s", "open_s", "fair_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise SpecError(f"breaker: {name} must be seconds above 0, not {value!r}")
        if not 0 < self.failure_rate <= 1:
            raise SpecError(f"breaker: failure_rate must be in (0, 1], not {self.failure_rate!r}")


class BreakerState(StrEnum):
    """What a breaker does with the next call."""

    CLOSED = "closed"  # lets it through
    OPEN = "open"  # refuses it
    HALF_OPEN = "half_open"  # one call tries whether the server is back; the others are refused


class Breaker:
    """Counts how calls end, and refuses further ones while too many fail.

    Each call that is let through gets a number from `enter`, and gives it back to `leave`: what ends
    after the breaker has changed its state belongs to another time, and counts no more.
    """

    def __init__(self, settings: BreakerSettings, *, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._state = BreakerState.CLOSED
        self._era = 0
        self._opened_s = 0.0
        self._probing = False
        self._in_a_row = 0
        self._failures = 0
        self._ended: deque[tuple[float, bool]] = deque()

    @property
    def state(self) -> BreakerState:
        """Returns the state; an open breaker whose time is over is half-open."""
        if self._state is BreakerState.OPEN and self.retry_after_s <= 0:
            return BreakerState.HALF_OPEN
        return self._state

    @property
    def retry_after_s(self) -> float:
        """Returns the seconds until a call may try again; 0 where one may now."""
        if self._state is not BreakerState.OPEN:
            return 0.0
        return max(0.0, self._opened_s + self._settings.open_s - self._clock.elapsed_s())

    def enter(self) -> int | None:
        """Returns the number of a call that may go on, None for one that is refused."""
        if self._state is BreakerState.CLOSED:
            return self._era
        if self._state is BreakerState.OPEN and self.retry_after_s <= 0:
            self._change(BreakerState.HALF_OPEN)
        if self._state is BreakerState.OPEN or self._probing:
            return None
        self._probing = True
        return self._era

    def leave(self, number: int, *, failed: bool | None) -> None:
        """Counts how a call ended; None where that says nothing about the server, e.g. the client left."""
        if number != self._era:
            return
        if self._state is BreakerState.HALF_OPEN:
            self._probing = False
            if failed is not None:
                self._change(BreakerState.OPEN if failed else BreakerState.CLOSED)
        elif failed is not None:
            self._count(failed=failed)

    def _count(self, *, failed: bool) -> None:
        now_s = self._clock.elapsed_s()
        self._in_a_row = self._in_a_row + 1 if failed else 0
        self._ended.append((now_s, failed))
        self._failures += failed
        oldest_s = now_s - self._settings.window_s
        while self._ended[0][0] < oldest_s or len(self._ended) > _REMEMBERED:
            self._failures -= self._ended.popleft()[1]
        many = len(self._ended) >= self._settings.least_calls
        too_many = many and self._failures > self._settings.failure_rate * len(self._ended)
        if self._in_a_row >= self._settings.in_a_row or (failed and too_many):
            self._change(BreakerState.OPEN)

    def _change(self, state: BreakerState) -> None:
        self._state = state
        self._era += 1
        self._probing = False
        self._in_a_row = 0
        self._failures = 0
        self._ended.clear()
        if state is BreakerState.OPEN:
            self._opened_s = self._clock.elapsed_s()
