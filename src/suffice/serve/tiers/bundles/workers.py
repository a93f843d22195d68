"""A bundle in several processes of its own; one that dies is started again, and its batch fails over."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from suffice.bundle import model_folder
from suffice.errors import ModelError
from suffice.ports import Answer, Request
from suffice.serve.tiers.bundles import frames
from suffice.serve.tiers.bundles.explanation import Explanation

# Every library that has threads of its own reads their number from one of these.
_THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
_START_LIMIT_S = 120.0
_END_LIMIT_S = 5.0
# A batch that takes longer will never end: its process is given up, and another one started.
_BATCH_LIMIT_S = 600.0

_PROGRAM = "suffice.serve.tiers.bundles.worker_process"


class WorkerDiedError(ModelError):
    """A worker process ended in the middle of a batch; asking again may help."""


class Workers:
    """As many processes as the bundle is to have; each computes one batch at a time."""

    def __init__(self, place: Path, *, count: int, name: str) -> None:
        self.slots = count
        self._name = name
        self._free: asyncio.LifoQueue[_Worker] = asyncio.LifoQueue()  # the one that was used last is warm
        self._every = [_Worker(model_folder(place), name=f"{name} worker {n}") for n in range(count)]
        self._is_closed = False
        self._exchanges: set[asyncio.Task[dict[str, Any]]] = set()

    @classmethod
    async def opened(cls, place: Path, *, count: int, name: str) -> Workers:
        """Returns the engine of the bundle in a folder, when all processes are ready.

        Raises:
            ArtefactError: the bundle is damaged.
            ModelError: a process does not start.
        """
        workers = cls(place, count=count, name=name)
        # All are waited for, also where one fails: none may start behind the error's back.
        starts = [worker.start() for worker in workers._every]
        failed = [outcome for outcome in await asyncio.gather(*starts, return_exceptions=True) if outcome]
        if failed:
            await workers.close()
            raise failed[0]
        for worker in workers._every:
            workers._free.put_nowait(worker)
        return workers

    @property
    def process_ids(self) -> list[int]:
        """Returns the ids of the processes that run."""
        return [worker.process.pid for worker in self._every if worker.process is not None]

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns one answer per request, in order; a single one is given a second process where one dies.

        Raises:
            WorkerDiedError: the process died over them; another one takes its place.
            SufficeError: what the model raised.
        """
        message = {"do": "answer", "requests": list(requests)}
        try:
            said = await self._asked(message)
        except WorkerDiedError:
            if len(requests) != 1:  # one of several may have killed it: each is to be tried alone
                raise
            said = await self._asked(message)
        return frames.answers_of(said["answers"])

    async def explain(self, request: Request) -> Explanation:
        """Returns why the model answers as it does."""
        said = await self._asked({"do": "explain", "requests": [request]})
        return Explanation.of_json(said["explanation"])

    async def close(self) -> None:
        """Ends the processes after what they are computing; twice is harmless."""
        self._is_closed = True
        if self._exchanges:
            await asyncio.wait(self._exchanges)
        await asyncio.gather(*(worker.end() for worker in self._every))

    async def _asked(self, message: Mapping[str, Any]) -> dict[str, Any]:
        if self._is_closed:
            raise ModelError(f"{self._name} is closed")
        # Who gives up waiting must not leave a reply behind that the next one would take for his.
        task = asyncio.get_running_loop().create_task(self._exchanged(frames.packed(message)))
        self._exchanges.add(task)
        task.add_done_callback(self._ended)
        said = await asyncio.shield(task)
        frames.raise_complaint(said)
        return said

    def _ended(self, task: asyncio.Task[dict[str, Any]]) -> None:
        self._exchanges.discard(task)
        if not task.cancelled():
            task.exception()  # is heard by whoever waits; where all gave up, it is nobody's

    async def _exchanged(self, frame: bytes) -> dict[str, Any]:
        worker = await self._free.get()
        try:
            if worker.process is None:
                await worker.start()
            return await worker.exchange(frame)
        finally:
            self._free.put_nowait(worker)


class _Worker:
    """One process, or the place of one that died."""

    def __init__(self, folder: Path, *, name: str) -> None:
        self._folder = folder
        self._name = name
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts the process and waits until its bundle is open."""
        self.process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-P",
                "-m",
                "suffice.serve.tiers.bundles.worker_process",
                str(self._folder.resolve()),
            ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | dict.fromkeys(_THREAD_SETTINGS, "1"),
        )
        try:
            async with asyncio.timeout(_START_LIMIT_S):
                frames.raise_complaint(await self._heard(self.process))
        except BaseException as error:
            await self.end()
            if isinstance(error, TimeoutError):
                raise ModelError(f"{self._name} was not ready within {_START_LIMIT_S:g} s") from error
            raise

    async def exchange(self, frame: bytes) -> dict[str, Any]:
        """Returns the reply to one frame.

        Raises:
            WorkerDiedError: the process ended instead.
        """
        process = self.process
        if process is None or process.stdin is None:
            raise ModelError(f"{self._name} is not there")
        try:
            async with asyncio.timeout(_BATCH_LIMIT_S):
                process.stdin.write(frame)
                return await self._heard(process)
        except BaseException as error:
            await self.end()
            if isinstance(error, TimeoutError):
                raise ModelError(f"{self._name} did not answer within {_BATCH_LIMIT_S:g} s") from error
            raise

    async def end(self) -> None:
        """Ends the process: by closing its input, and by force where that does not help."""
        process, self.process = self.process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_END_LIMIT_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _heard(self, process: asyncio.subprocess.Process) -> dict[str, Any]:
        if process.stdout is None:
            raise ModelError(f"{self._name} has no output")
        try:
            header = await process.stdout.readexactly(frames.HEADER.size)
            return frames.unpacked(await process.stdout.readexactly(frames.size_of(header)))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise WorkerDiedError(f"{self._name} died", retryable=True) from error
