"""Micro-batches: what comes while a batch is being answered is the next batch.

Nobody waits where nothing is being answered, and the batch grows with the load by itself. The queue
is bounded and fair among callers; who left it, or whose time is up, costs no work.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from suffice.clock import Clock, SystemClock
from suffice.errors import ModelError, SpecError
from suffice.serve.errors import LimitReached, TierFailed
from suffice.serve.tiers.bundles.fair_queue import FairQueue

Item = TypeVar("Item")
Result = TypeVar("Result")
_LEARNING_RATE = 0.2  # of the measured rate: a handful of batches
_FIRST_RETRY_S = 1.0  # before anything was measured


@dataclass(frozen=True, kw_only=True)
class Batching:
    """How requests are put together.

    `most`: requests in one batch. `queue`: requests that wait at most; further ones are refused.
    `wait_ms`: how long a batch that is not full waits for others; 0 takes what is there.
    """

    most: int = 32
    queue: int = 1024
    wait_ms: float = 0.0

    def __post_init__(self) -> None:
        if self.most < 1 or self.queue < 1 or self.wait_ms < 0:
            raise SpecError(f"most and queue must be at least 1, and wait_ms at least 0, not {self}")


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a batcher is doing, and what it did: `per_second` is None before the first batch."""

    waiting: int
    running: int
    answered: int
    batches: int
    refused: int
    per_second: float | None


@dataclass(eq=False, slots=True)
class _Job(Generic[Item, Result]):
    item: Item
    owner: str
    deadline_s: float
    future: "asyncio.Future[Result]"


class Batcher(Generic[Item, Result]):
    """Gathers single requests and hands them to `work` in batches, `slots` batches at a time.

    `work` returns one result per item, in order. Where it raises, each of the batch is tried alone: what
    spoils a batch fails its own caller only.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        settings: Batching = Batching(),
        *,
        name: str,
        slots: int = 1,
        clock: Clock | None = None,
    ) -> None:
        self._work = work
        self._settings = settings
        self._name = name
        self._slots = self._free = slots
        self._clock = clock or SystemClock()
        self._queue: FairQueue[_Job[Item, Result]] = FairQueue(settings.queue)
        self._timer: asyncio.Handle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._item_s: float | None = None  # what one item takes within a batch
        self._running = self._answered = self._batches = self._refused = 0

    @property
    def load(self) -> Load:
        """Returns what it is doing and did."""
        return Load(
            waiting=len(self._queue),
            running=self._running,
            answered=self._answered,
            batches=self._batches,
            refused=self._refused,
            per_second=None if self._item_s is None else self._slots / self._item_s,
        )

    async def ask(self, item: Item, *, owner: str = "", deadline_s: float = math.inf) -> Result:
        """Returns the result for one item; giving up takes it out of the queue.

        Raises:
            LimitReached: the queue is full; `retry_after_s` is when it should have been answered.
            TierFailed: its deadline (on the clock's `elapsed_s`) passed before its turn came.
            Exception: what `work` raised for this item alone.
        """
        job: _Job[Item, Result] = _Job(item, owner, deadline_s, asyncio.get_running_loop().create_future())
        if len(self._queue) >= self._settings.queue:
            self._dispatch()  # what came in this very turn of the loop may be on its way already
        pushed_out = self._queue.add(job)
        if pushed_out is not None:
            self._refuse(pushed_out)
        if pushed_out is not job:
            self._wake()
        try:
            return await job.future
        except asyncio.CancelledError:
            self._queue.discard(job)
            raise

    async def drain(self) -> None:
        """Waits until everything that was asked is answered."""
        while self._tasks or len(self._queue):
            await asyncio.wait(self._tasks) if self._tasks else await asyncio.sleep(0)

    def _refuse(self, job: _Job[Item, Result]) -> None:
        self._refused += 1
        if not job.future.done():
            wait_s = _FIRST_RETRY_S if self._item_s is None else len(self._queue) * self._item_s / self._slots
            job.future.set_exception(
                LimitReached(
                    f"{self._name} has {len(self._queue):,} requests waiting, which is all it takes",
                    code="queue_full",
                    retry_after_s=wait_s,
                )
            )

    def _wake(self) -> None:
        """Sees to it that the queue is looked at: soon, or when the waiting time is up.

        Soon is the end of this turn of the loop, so that all that comes in one turn is one batch.
        """
        if not self._free:
            return
        loop = asyncio.get_running_loop()
        is_full = len(self._queue) >= self._settings.most
        if self._timer is not None:
            if not is_full or not self._settings.wait_ms:
                return
            self._timer.cancel()
        if is_full or not self._settings.wait_ms:
            self._timer = loop.call_soon(self._dispatch)
        else:
            self._timer = loop.call_later(self._settings.wait_ms / 1000.0, self._dispatch)

    def _dispatch(self) -> None:
        self._timer = None
        while self._free and len(self._queue):
            size = min(self._settings.most, math.ceil(len(self._queue) / self._free))
            batch = self._next(size)
            if batch:
                self._free -= 1
                task = asyncio.get_running_loop().create_task(self._answer(batch))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _next(self, size: int) -> list[_Job[Item, Result]]:
        """Returns the next batch, without those who left or whose time is up."""
        now_s = self._clock.elapsed_s()
        batch: list[_Job[Item, Result]] = []
        while len(batch) < size and len(self._queue):
            job = self._queue.take()
            if job.future.done():
                continue
            if job.deadline_s <= now_s:
                job.future.set_exception(TierFailed(f"{self._name}: the time was up before its turn came"))
            else:
                batch.append(job)
        return batch

    async def _answer(self, batch: list[_Job[Item, Result]]) -> None:
        self._running += len(batch)
        try:
            await self._together(batch)
        finally:
            self._running -= len(batch)
            self._free += 1
            if len(self._queue):
                self._wake()

    async def _together(self, batch: list[_Job[Item, Result]]) -> None:
        start_s = self._clock.elapsed_s()
        try:
            results = await self._worked(batch)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told to the callers it concerns
            await self._alone(batch, error)
            return
        self._batches += 1
        self._answered += len(batch)
        took_s = (self._clock.elapsed_s() - start_s) / len(batch)
        was_s = took_s if self._item_s is None else self._item_s
        self._item_s = was_s + _LEARNING_RATE * (took_s - was_s)
        for job, result in zip(batch, results, strict=True):
            if not job.future.done():
                job.future.set_result(result)

    async def _worked(self, batch: list[_Job[Item, Result]]) -> Sequence[Result]:
        results = await self._work([job.item for job in batch])
        if len(results) != len(batch):
            raise ModelError(f"{self._name} gave {len(results)} answers to {len(batch)} requests")
        return results

    async def _alone(self, batch: list[_Job[Item, Result]], error: Exception) -> None:
        """Tries each of a failed batch by itself, but for a batch of one, which has had its try."""
        if len(batch) == 1:
            if not batch[0].future.done():
                batch[0].future.set_exception(error)
            return
        for job in batch:
            if self._is_late(job):
                job.future.set_exception(TierFailed(f"{self._name}: the time was up"))
            if not job.future.done():
                await self._together([job])

    def _is_late(self, job: _Job[Item, Result]) -> bool:
        return not job.future.done() and job.deadline_s <= self._clock.elapsed_s()
