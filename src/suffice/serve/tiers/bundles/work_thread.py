"""One thread with an event loop of its own, where all of a model's work is done, piece by piece."""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from suffice.errors import ModelError

T = TypeVar("T")
_Work = Callable[[], Coroutine[Any, Any, Any]]
# How long a model that computes in Python keeps other threads waiting; Python's own 5 ms is what every
# other call of the gateway would then wait.
_TURN_S = 0.0005


class WorkThread:
    """Keeps a model's computing away from the event loop that serves.

    What is made in the thread stays there: models whose connections belong to an event loop find the
    same one each time. The thread ends with the process where nobody closes it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._is_closed = False
        self._tasks: set[asyncio.Task[None] | None] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        sys.setswitchinterval(min(_TURN_S, sys.getswitchinterval()))
        self._thread.start()
        self._ready.wait()

    @property
    def is_closed(self) -> bool:
        """Says whether it takes no more work."""
        return self._is_closed

    async def do(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Returns what the work returns, done in the thread; giving up waiting does not stop the work.

        Raises:
            ModelError: the thread is closed.
            Exception: whatever the work raises.
        """
        if self._is_closed:
            raise ModelError(f"{self._name} is closed")
        asker = asyncio.get_running_loop()
        future: asyncio.Future[T] = asker.create_future()
        self._loop.call_soon_threadsafe(self._start, work, asker, future)
        return await future

    async def close(self) -> None:
        """Ends the thread after the work it has been given; twice is harmless."""
        if not self._is_closed:
            self._is_closed = True
            self._loop.call_soon_threadsafe(self._end)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            self._turn = asyncio.Lock()
            self._closing = asyncio.Event()
            self._ready.set()
            runner.run(self._until_closed())

    async def _until_closed(self) -> None:
        await self._closing.wait()
        async with self._turn:  # whose turn comes after that of all work
            return

    def _end(self) -> None:
        self._closing.set()

    def _start(self, work: _Work, asker: asyncio.AbstractEventLoop, future: "asyncio.Future[Any]") -> None:
        self._tasks.add(self._loop.create_task(self._done(work, asker, future)))

    async def _done(
        self, work: _Work, asker: asyncio.AbstractEventLoop, future: "asyncio.Future[Any]"
    ) -> None:
        result, error = None, None
        async with self._turn:
            try:
                result = await work()
            except Exception as raised:  # noqa: BLE001 - handed to whoever waits for the work
                error = raised
        with contextlib.suppress(RuntimeError):  # the asking loop has ended: nobody waits
            asker.call_soon_threadsafe(_settle, future, result, error)
        self._tasks.discard(asyncio.current_task())


def _settle(future: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    if future.done():  # given up meanwhile
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
