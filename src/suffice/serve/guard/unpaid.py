"""A bound on what a key leaves behind though no budget counts it: feedback, and calls that are refused."""

from collections import defaultdict

from suffice.clock import Clock
from suffice.serve.errors import LimitReached
from suffice.serve.guard.windows import Minute

PER_MINUTE = 600


class Unpaid:
    """Counts by key and kind: a client that asks for what is not there can still judge answers."""

    def __init__(self, clock: Clock, *, per_minute: int = PER_MINUTE) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._minutes: dict[tuple[str, str], Minute] = defaultdict(Minute)

    def count(self, key_id: str, kind: str) -> None:
        """Counts one of a kind, e.g. "refused calls".

        Raises:
            LimitReached: there were too many within a minute; says when one more fits.
        """
        now_s = self._clock.elapsed_s()
        minute = self._minutes[key_id, kind]
        if minute.used(now_s) >= self._per_minute:
            wait_s = minute.free_in_s(self._per_minute - 1, now_s)
            raise LimitReached(
                f"{self._per_minute:,} {kind} a minute are what this gateway takes of one key",
                retry_after_s=wait_s,
            )
        minute.add(1, now_s)
