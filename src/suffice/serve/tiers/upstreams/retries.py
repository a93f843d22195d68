"""When a failed exchange is tried again: only before a reply's first byte, with growing, jittered pauses.

The pauses double and are drawn between half and one and a half of that, so that callers who failed
together do not come again together. A server's own Retry-After replaces them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np

from suffice.models.http.endpoint import Waiting
from suffice.serve.errors import TierFailed

Sleep = Callable[[float], Awaitable[Any]]


class ExchangeFailed(TierFailed):
    """One exchange with a server that brought no reply.

    `retryable`: not one byte of a reply had come, and asking again may help. `pause_s`: how long the
    server asks to wait. `blames_server`: whether the server is at fault; None where that cannot be said.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        is_callers_fault: bool = False,
        retryable: bool = False,
        pause_s: float | None = None,
        blames_server: bool | None = True,
    ) -> None:
        super().__init__(message, status=status, is_callers_fault=is_callers_fault)
        self.retryable = retryable
        self.pause_s = pause_s
        self.blames_server = blames_server


class TooSlow(ExchangeFailed):
    """An exchange that the server had begun to work on, and nobody waited for any longer: it may be paid."""


class Retries:
    """Says when an exchange is tried again, as `waiting` allows and the call's time lasts."""

    def __init__(self, waiting: Waiting, *, sleep: Sleep = asyncio.sleep, seed: int | None = None) -> None:
        self._waiting = waiting
        self._sleep = sleep
        self._rng = np.random.default_rng(seed)

    async def pause(self, attempt: int, failure: ExchangeFailed, *, left_s: float) -> None:
        """Returns once the next attempt may begin; `attempt` is the number of the one that failed, from 1.

        Raises:
            ExchangeFailed: the failure itself, where no other attempt is allowed, helps, or has the time.
        """
        pause_s = self._pause_s(attempt, failure)
        too_long = pause_s > self._waiting.longest_pause_s or pause_s >= left_s
        if attempt >= self._waiting.attempts or not failure.retryable or too_long:
            try:
                raise failure
            finally:
                del failure  # it knows this frame, which would keep it
        await self._sleep(pause_s)

    def _pause_s(self, attempt: int, failure: ExchangeFailed) -> float:
        if failure.pause_s is not None:
            return failure.pause_s
        return float(self._waiting.backoff_s * 2.0 ** (attempt - 1) * self._rng.uniform(0.5, 1.5))
