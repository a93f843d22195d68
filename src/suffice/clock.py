"""Time as an argument, so that what depends on it can be tested."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time and how long things take."""

    def now(self) -> datetime:
        """Returns the date and time, in UTC."""
        ...

    def elapsed_s(self) -> float:
        """Returns seconds on a clock that never goes back; only differences mean anything."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Returns the date and time, in UTC."""
        return datetime.now(UTC)

    def elapsed_s(self) -> float:
        """Returns seconds of the performance counter."""
        return time.perf_counter()


class FakeClock:
    """A clock that moves by a fixed step at each reading."""

    def __init__(self, start: datetime, *, step_s: float = 0.0) -> None:
        self._start = start
        self._step_s = step_s
        self._elapsed_s = 0.0

    def now(self) -> datetime:
        """Returns the fixed start."""
        return self._start

    def elapsed_s(self) -> float:
        """Returns the sum of the steps so far."""
        self._elapsed_s += self._step_s
        return self._elapsed_s
