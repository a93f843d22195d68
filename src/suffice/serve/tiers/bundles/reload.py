"""Swapping a bundle for its successor while it serves: opened beside the old one, then put in its place."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from suffice.certify import statement
from suffice.clock import Clock, SystemClock
from suffice.errors import SufficeError
from suffice.serve.tiers.bundles.serving import Serving

_log = logging.getLogger(__name__)
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Reloaded:
    """What became of one look at the run folder: `is_swapped`, or why the old bundle goes on."""

    at: datetime
    is_swapped: bool
    why: str
    sha256: str | None = None


class Reloading:
    """Holds the bundle that serves now. A call that began with one ends with it.

    A successor that does not open, or whose bytes are not its certificate's, changes nothing.
    """

    def __init__(
        self, first: Serving, open_next: Callable[[], Awaitable[Serving]], *, clock: Clock | None = None
    ) -> None:
        self.current = first
        self.last: Reloaded | None = None
        self._open_next = open_next
        self._clock = clock or SystemClock()
        self._one_at_a_time = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()
        self._seen = state_of(first.certified.folder)

    async def reload(self) -> Reloaded:
        """Returns what became of opening the run folder's bundle again; never raises for a bad one."""
        async with self._one_at_a_time:
            self._seen = state_of(self.current.certified.folder)
            try:
                successor = await self._open_next()
            except SufficeError as error:
                hint = f" ({error.hint})" if error.hint else ""
                return self._told(is_swapped=False, why=f"{error.message}{hint}")
            except Exception as error:  # noqa: BLE001 - whatever a successor does, what serves goes on
                _log.exception("the bundle in %s cannot be opened", self.current.certified.folder)
                return self._told(is_swapped=False, why=f"it cannot be opened: {type(error).__name__}")
            old, self.current = self.current, successor
            task = asyncio.get_running_loop().create_task(old.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
            return self._told(is_swapped=True, why="")

    async def watch(self, *, every_s: float, sleep: Sleep = asyncio.sleep) -> None:
        """Reloads whenever the run folder has changed, until it is cancelled."""
        while True:
            await sleep(every_s)
            if await asyncio.to_thread(state_of, self.current.certified.folder) != self._seen:
                await self.reload()

    async def close(self) -> None:
        """Closes the bundle that serves, and waits for those that were swapped; twice is harmless."""
        async with self._one_at_a_time:
            await asyncio.gather(self.current.close(), *self._closing)

    def _told(self, *, is_swapped: bool, why: str) -> Reloaded:
        sha256 = self.current.certified.sha256
        self.last = Reloaded(at=self._clock.now(), is_swapped=is_swapped, why=why, sha256=sha256)
        return self.last


def state_of(folder: Path) -> tuple[tuple[int, int, int] | None, ...]:
    """Returns what changes when a run writes another bundle: cheap to read, no proof of anything.

    The signature is written last, so a look in the middle of a run's writing is followed by another one.
    """
    parts: list[tuple[int, int, int] | None] = []
    for name in (statement.ENVELOPE, statement.FILE, statement.BUNDLE, f"{statement.BUNDLE}/model"):
        try:
            found = (folder / name).stat()
            parts.append((found.st_ino, found.st_mtime_ns, found.st_size))
        except OSError:
            parts.append(None)
    return tuple(parts)
