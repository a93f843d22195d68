"""How often a log-in may fail: per address and in all, within one minute."""

from collections import OrderedDict, deque

from suffice.clock import Clock

WINDOW_S = 60.0
PER_ADDRESS, IN_ALL = 10, 200
_ADDRESSES_LIMIT = 10_000


class Attempts:
    """Counts failed log-ins; what is remembered is bounded."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()
        self._all: deque[float] = deque()

    def wait_s(self, address: str) -> float:
        """Returns how long this address must wait before it may try again; 0 for not at all."""
        now = self._clock.elapsed_s()
        waits = (
            _wait_s(self._failed.get(address, deque()), PER_ADDRESS, now),
            _wait_s(self._all, IN_ALL, now),
        )
        return max(waits)

    def failed(self, address: str) -> None:
        """Counts one failure."""
        now = self._clock.elapsed_s()
        self._failed.setdefault(address, deque(maxlen=PER_ADDRESS)).append(now)
        self._failed.move_to_end(address)
        self._all.append(now)
        while len(self._all) > IN_ALL:
            self._all.popleft()
        while len(self._failed) > _ADDRESSES_LIMIT:
            self._failed.popitem(last=False)


def _wait_s(failures: deque[float], limit: int, now: float) -> float:
    recent = [moment for moment in failures if now - moment < WINDOW_S]
    return 0.0 if len(recent) < limit else WINDOW_S - (now - recent[-limit])
