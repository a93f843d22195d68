"""How long a call may still wait for a server: the tier's patience, or the call's time where it is less."""

from suffice.clock import Clock
from suffice.models.http.endpoint import Waiting
from suffice.serve.tiers.upstreams.retries import ExchangeFailed, TooSlow


class Allowance:
    """The time one call has at one tier; all figures in seconds."""

    __slots__ = (
        "_asked_s",
        "_clock",
        "_ends_s",
        "_fair_s",
        "_first_ends_s",
        "_started_s",
        "_tier",
        "_waiting",
    )

    def __init__(
        self, tier: str, waiting: Waiting, *, clock: Clock, deadline_s: float, fair_s: float
    ) -> None:
        self._tier = tier
        self._waiting = waiting
        self._clock = clock
        self._fair_s = fair_s
        self._started_s = started_s = clock.elapsed_s()
        ends_s = started_s + waiting.total_s
        self._ends_s = ends_s = min(deadline_s, ends_s)
        first_ends_s = started_s + waiting.first_byte_s
        self._first_ends_s = min(ends_s, first_ends_s)
        self._asked_s: float | None = None

    def left_s(self) -> float:
        """Returns how long the call may still take in all; 0 or less where its time is over."""
        return self._ends_s - self._clock.elapsed_s()

    def first_s(self) -> float:
        """Returns how long it may still take until a reply begins."""
        return self._first_ends_s - self._clock.elapsed_s()

    def next_s(self) -> float:
        """Returns how long the next bytes of a reply that has begun may take."""
        return min(self._waiting.idle_s, self.left_s())

    def restart(self) -> None:
        """Gives another attempt the whole time until a first byte, as far as the call's time lasts."""
        self._asked_s = asked_s = self._clock.elapsed_s()
        first_ends_s = asked_s + self._waiting.first_byte_s
        self._first_ends_s = min(self._ends_s, first_ends_s)

    def asked_for_s(self) -> float | None:
        """Returns how long ago the last attempt began; None where there was none."""
        return None if self._asked_s is None else self._clock.elapsed_s() - self._asked_s

    def ran_out(self, what: str, *, is_asked: bool = True) -> ExchangeFailed:
        """Returns the failure of a wait that was too long; `what` says what did not come.

        `is_asked`: the server has the request. The failure is not held against the server where the call
        had hardly any time for it.
        """
        waited_s = self._clock.elapsed_s() - self._started_s
        waiting = self._waiting
        # The timers of the event loop may ring a little early.
        fair_s = 0.9 * min(self._fair_s, waiting.first_byte_s, waiting.idle_s)
        blames = True if waited_s >= fair_s else None
        message = f"tier {self._tier} {what} within {waited_s:.3g} s"
        return (TooSlow if is_asked else ExchangeFailed)(message, blames_server=blames)
