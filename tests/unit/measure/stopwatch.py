"""A clock that tests move by hand, and a model that takes as long on it as it is told."""

from collections.abc import Sequence
from datetime import UTC, datetime

from suffice.errors import ModelError
from suffice.ports import Answer, Request


class HandClock:
    """Time passes only when a test says so."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        """Returns a fixed day."""
        return datetime(2026, 11, 22, tzinfo=UTC)

    def elapsed_s(self) -> float:
        """Returns the seconds that tests let pass."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Lets time pass."""
        self.seconds += seconds


class TimedModel:
    """Takes the next of its times for each call, over and over."""

    name = "timed"
    simulated = True

    def __init__(self, clock: HandClock, *times_s: float, fails_after: int | None = None) -> None:
        self.clock = clock
        self.times_s = times_s
        self.fails_after = fails_after
        self.batches: list[list[str]] = []

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Lets the time pass and answers."""
        if self.fails_after is not None and len(self.batches) >= self.fails_after:
            raise ModelError("the line is dead")
        self.clock.seconds += self.times_s[len(self.batches) % len(self.times_s)]
        self.batches.append([request.text for request in requests])
        return [Answer(text="x")] * len(requests)

    async def close(self) -> None:
        """Does nothing."""
