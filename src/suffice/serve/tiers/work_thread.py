"""One thread with an event loop of its own, where all of a model's work is done, piece by piece."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from queue import SimpleQueue
from typing import Any, TypeVar

from suffice.errors import ModelError

T = TypeVar("T")
_Work = tuple[Callable[[], Coroutine[Any, Any, Any]], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class WorkThread:
    """Keeps a model's computing away from the event loop that serves.

    What is made in the thread stays there: models whose connections belong to an event loop find the
    same one each time. The thread ends with the process where nobody closes it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._inbox: SimpleQueue[_Work | None] = SimpleQueue()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

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
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._inbox.put((work, loop, future))
        return await future

    async def close(self) -> None:
        """Ends the thread after the work it has been given; twice is harmless."""
        if not self._is_closed:
            self._is_closed = True
            self._inbox.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            while (given := self._inbox.get()) is not None:
                work, loop, future = given
                result, error = None, None
                try:
                    result = runner.run(work())
                except Exception as raised:  # noqa: BLE001 - handed to whoever waits for the work
                    error = raised
                with contextlib.suppress(RuntimeError):  # the asking loop has ended: nobody waits
                    loop.call_soon_threadsafe(_settle, future, result, error)


def _settle(future: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    if future.done():  # given up meanwhile
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
