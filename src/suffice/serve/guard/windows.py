"""The windows that budgets are counted in: a sliding minute, and the day in UTC."""

import math
from datetime import UTC, datetime, timedelta

from suffice.clock import Clock

_SECONDS = 60
_DAY_S = 86_400.0


class Minute:
    """What was used up in the last 60 seconds, in slots of one second.

    The slot that is being filled and the 60 before it count, so no 60 seconds hold more than a limit.
    Times are seconds of a clock that never goes back.
    """

    __slots__ = ("_slots", "_total", "_upto")

    def __init__(self) -> None:
        self._slots = [0.0] * (_SECONDS + 1)
        self._total = 0.0
        self._upto = 0

    def used(self, now_s: float) -> float:
        """Returns what the window holds."""
        second = int(now_s)
        if second != self._upto:
            self._turn(second)
        return self._total

    def add(self, amount: float, now_s: float) -> None:
        """Counts an amount as used now."""
        self.used(now_s)
        self._slots[int(now_s) % (_SECONDS + 1)] += amount
        self._total += amount

    def free_in_s(self, room: float, now_s: float) -> float:
        """Returns in how many seconds the window holds at most `room`, if nothing is added."""
        left = self.used(now_s)
        second = int(now_s)
        for age in range(_SECONDS, -1, -1):
            if left <= room:
                return max(0.0, second - age + _SECONDS - now_s)
            left -= self._slots[(second - age) % (_SECONDS + 1)]
        return second + 1 + _SECONDS - now_s

    def _turn(self, second: int) -> None:
        """Empties the slots of the seconds that have passed; sums anew, so that no rounding piles up."""
        passed = min(second - self._upto, _SECONDS + 1)
        for late in range(passed):
            self._slots[(second - late) % (_SECONDS + 1)] = 0.0
        self._upto = second
        self._total = math.fsum(self._slots)


class Days:
    """Which day it is in UTC, by a clock that follows the machine's forwards, and never back.

    Between two looks at the machine's clock the time goes on by the clock that nobody can set, so a
    step back neither repeats a day, which would free budgets, nor lengthens one, which would lock them.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_s = -math.inf
        self.number = 0
        self.ends_s = 0.0
        self.follow()

    def follow(self) -> None:
        """Looks at the machine's clock; where that is ahead (set, or after a sleep), it is believed."""
        now_s = self._clock.elapsed_s()
        self._offset_s = max(self._offset_s, self._clock.now().timestamp() - now_s)
        self.find(now_s)

    @property
    def began_at(self) -> datetime:
        """Returns the day's first moment."""
        return datetime.fromtimestamp(0, UTC) + timedelta(days=self.number)

    def find(self, now_s: float) -> None:
        """Finds the day anew: to be called once `ends_s` has come."""
        self.number = int((now_s + self._offset_s) // _DAY_S)
        self.ends_s = (self.number + 1) * _DAY_S - self._offset_s
