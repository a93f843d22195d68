"""One answer for all who ask the same at the same time: reloading a page costs the store nothing more."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any


class Shared:
    """Work that is under way, by what it is for."""

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[Any]] = {}

    async def result(self, what: Hashable, work: Callable[[], Awaitable[Any]]) -> Any:
        """Returns what the work returns, or what the same work that is under way does.

        Who leaves early takes nobody else's answer away. What the work raises, everybody gets.
        """
        task = self._running.get(what)
        if task is None:
            task = self._running[what] = asyncio.ensure_future(_done(work))
            task.add_done_callback(lambda _: self._running.pop(what, None))
        return await asyncio.shield(task)


async def _done(work: Callable[[], Awaitable[Any]]) -> Any:
    return await work()
