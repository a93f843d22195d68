"""One thread that writes everything: events in batches, and work whose commit somebody awaits."""

import asyncio
import secrets
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from suffice.errors import SufficeError
from suffice.serve.event import Event
from suffice.serve.store import batches
from suffice.serve.store.batches import Item, Source
from suffice.serve.store.down import StoreDown, reason
from suffice.serve.store.rollups import Sums
from suffice.serve.store.settings import StoreSettings

_Result = TypeVar("_Result")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_MOST_WORK = 200  # pieces of awaited work in one transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class WriterHealth:
    """How the store's writer fares.

    `why` is what the database last said, "" when all is well. `waiting` events are in memory, `dropped`
    were not kept for want of room and can be had from the audit log (`behind` until they are), `lost`
    were dropped and there is no audit log, `refused` had values that the database takes in no form.
    """

    why: str
    waiting: int
    behind: bool
    dropped: int
    lost: int
    refused: int


@dataclass(slots=True)
class _Work:
    """A piece of work in the writer's transaction, and who waits for it."""

    do: Callable[[sa.Connection], Any]
    done: Future[Any]
    after: int  # how many events were put before it: those come first


class Writer:
    """Writes to a database from one thread; what is put never waits, what is awaited is committed.

    With a source (an audit log), what a kill or a full queue kept from the database is read from there.
    """

    def __init__(self, engine: sa.Engine, settings: StoreSettings, source: Source | None = None) -> None:
        self._engine = engine
        self._settings = settings
        self._source = source
        self._sums = Sums(secrets.token_hex(8))  # by a name that no other process has
        self._queue: deque[Item] = deque()
        self._work: deque[_Work] = deque()
        self._wake, self._hurry, self._closing = threading.Event(), threading.Event(), threading.Event()
        self._why = ""
        self._behind = source is not None  # the last process may have been killed
        self._is_catching_up = False
        self._put = self._written = 0
        self._dropped = self._lost = self._refused = 0
        self._thread = threading.Thread(target=self._run, name="suffice-store", daemon=True)
        self._thread.start()

    def put(self, event: Event, *, run: str | None, seq: int | None, is_logged: bool) -> None:
        """Takes an event in, without waiting; `is_logged` says that the source holds it already."""
        waiting = len(self._queue)
        if waiting >= self._settings.queue_rows:
            self._drop(is_logged=is_logged)
            return
        self._put += 1
        self._queue.append(Item(event=event, run=run, seq=seq, is_logged=is_logged))
        if waiting + 1 >= self._settings.batch_rows:
            self._hurry.set()
        if not self._wake.is_set():
            self._wake.set()

    async def commit(self, do: Callable[[sa.Connection], _Result]) -> _Result:
        """Returns what the work returns, once its transaction and all events put before are committed.

        Raises:
            StoreDown: it could not be committed; nothing of it was kept.
        """
        if self._closing.is_set():
            raise StoreDown("the gateway is going down", retry_after_s=5.0)
        done: Future[_Result] = Future()
        self._work.append(_Work(do, done, self._put))
        self._hurry.set()
        self._wake.set()
        try:
            return await asyncio.wrap_future(done)
        finally:
            del done  # an error in it knows this frame, and so all that was written with it

    def health(self) -> WriterHealth:
        """Returns how the writer fares now."""
        return WriterHealth(
            why=self._why,
            waiting=len(self._queue),
            behind=self._behind or self._is_catching_up,
            dropped=self._dropped,
            lost=self._lost,
            refused=self._refused,
        )

    def close(self, *, patience_s: float = 30.0) -> int:
        """Writes what waits, ends the thread, and returns how many events the database did not take."""
        self._closing.set()
        self._hurry.set()
        self._wake.set()
        self._thread.join(patience_s)
        # What came at the last moment, after the thread had looked for the last time.
        self._give_up(self._all_work(), StoreDown("the gateway is going down"))
        return len(self._queue)

    def _drop(self, *, is_logged: bool) -> None:
        self._dropped += 1
        if self._source is not None and is_logged:
            self._behind = True
        else:
            self._lost += 1

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            if not self._behind:
                self._wake.wait()
            if not self._closing.is_set():
                self._hurry.wait(self._settings.flush_ms / 1000)  # more may come: fewer, larger commits
            self._wake.clear()
            self._hurry.clear()
            try:
                self._catch_up()
                while (self._queue or self._work) and not self._behind:
                    self._write()
            except Exception as error:  # noqa: BLE001 - whatever it is, this thread must live: events wait for it
                self._fail(error)
                if self._closing.wait(pause_s):
                    return
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                self._wake.set()
            else:
                self._why, pause_s = "", _FIRST_PAUSE_S
                if self._closing.is_set() and not (self._queue or self._work):
                    return

    def _catch_up(self) -> None:
        """Takes over from the audit log what the database lacks."""
        if self._source is None or not self._behind:
            return
        self._is_catching_up, self._behind = True, False  # an event dropped from here on sets it again
        try:
            for _ in batches.take_over(
                self._engine, self._source, self._sums, rows=self._settings.batch_rows
            ):
                if self._work:
                    self._write()  # who awaits something does not wait for a long log
        except BaseException:
            self._behind = True
            raise
        finally:
            self._is_catching_up = False

    def _write(self) -> None:
        count = min(len(self._queue), self._settings.batch_rows)
        items = [self._queue[i] for i in range(count)]  # they leave the queue once they are committed
        work: list[_Work] = []
        while self._work and self._work[0].after <= self._written + count and len(work) < _MOST_WORK:
            work.append(self._work.popleft())
        try:
            refused, results = batches.write(
                self._engine, items, self._sums, lambda c: self._finish(c, items, work)
            )
        except BaseException as error:
            self._give_up(work, error)
            raise
        for _ in range(count):
            self._queue.popleft()
        self._written += count
        self._refused += refused
        for piece, (value, failure) in zip(work, results, strict=True):
            _tell(piece.done, value, failure)

    def _finish(
        self, connection: sa.Connection, items: Sequence[Item], work: Sequence[_Work]
    ) -> list[tuple[Any, SufficeError | None]]:
        if self._source is not None and not self.health().behind:
            batches.mark(connection, self._source.log, items)
        return [_result(connection, piece) for piece in work]

    def _fail(self, error: Exception) -> None:
        self._why = reason(error)
        self._give_up(self._all_work(), error)

    def _all_work(self) -> list[_Work]:
        return [self._work.popleft() for _ in range(len(self._work))]

    def _give_up(self, work: Sequence[_Work], error: BaseException) -> None:
        for piece in work:
            said = f"the gateway's database does not answer: {reason(error)}"
            _tell(piece.done, None, StoreDown(said, retry_after_s=5.0))


def _result(connection: sa.Connection, piece: _Work) -> tuple[Any, SufficeError | None]:
    """Returns what a piece of work returned, or the error it ended with, its changes undone."""
    try:
        with connection.begin_nested():
            return piece.do(connection), None
    except SufficeError as error:
        return None, error.with_traceback(None)  # which knows the frame that holds it, and a batch of events


def _tell(done: Future[Any], value: Any, failure: SufficeError | None) -> None:
    """Resolves a future, unless who waited has gone."""
    if not done.set_running_or_notify_cancel():
        return
    if failure is None:
        done.set_result(value)
    else:
        done.set_exception(failure)
