"""One reply as it comes: its head, then its body in pieces or whole, each within a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from suffice.serve.tiers.upstreams.http1.failures import HttpFailed, ReplyTooLarge

if TYPE_CHECKING:
    from suffice.serve.tiers.upstreams.http1.connection import Connection


# So many pieces are made one: each costs forty bytes beside its own, and may have only one or two.
_LOOSE = 1024


class HttpReply:
    """What a connection has received of one reply, for one reader.

    `status` is 0 until the head has come. Once the reply is whole, or has failed, it has no
    connection any more: whatever the reader then does cannot disturb the next exchange.
    """

    __slots__ = (
        "_connection",
        "_loose",
        "_pieces",
        "_waiter",
        "content_type",
        "encoding",
        "failure",
        "has_begun",
        "held_bytes",
        "is_whole",
        "retry_after",
        "status",
    )

    def __init__(self, connection: Connection) -> None:
        self._connection: Connection | None = connection
        self._pieces: list[bytes] = []
        self._loose = 0
        self._waiter: asyncio.Future[None] | None = None
        self.status = 0
        self.content_type = ""
        self.encoding = ""
        self.retry_after: str | None = None
        self.has_begun = False  # a byte of it has come
        self.is_whole = False
        self.held_bytes = 0
        self.failure: HttpFailed | None = None

    async def head(self, within_s: float) -> None:
        """Returns once the head has come, at most so many seconds later; the body may have come with it.

        Raises:
            TimeoutError: it did not come in time.
            HttpFailed: it never will.
        """
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + within_s
        while not self.status:
            if self.failure is not None:
                raise self.failure.again()
            await self._more(ends_s - loop.time())

    async def piece(self, within_s: float) -> bytes:
        """Returns the next bytes of the body, b"" at its end; what came before a failure comes before it.

        Raises:
            TimeoutError: nothing came in time.
            HttpFailed: the body broke off.
        """
        while not self._pieces:
            if self.failure is not None:
                raise self.failure.again()
            if self.is_whole:
                return b""
            await self._more(within_s)
        return self._taken()

    async def whole(self, *, most_bytes: int, next_s: Callable[[], float]) -> bytes:
        """Returns the whole body; `next_s` says how many seconds the next bytes may take.

        Raises:
            ReplyTooLarge: it has more bytes.
            TimeoutError, HttpFailed: as `piece`.
        """
        while not self.is_whole and self.failure is None and self.held_bytes <= most_bytes:
            await self._more(next_s())
        if self.held_bytes > most_bytes:
            raise ReplyTooLarge(f"more than {most_bytes:,} bytes")
        if self.failure is not None:
            raise self.failure.again()
        return self._taken()

    async def drain(self, within_s: float) -> None:
        """Throws the rest away, so that the connection can be used again; closes it after so many seconds."""
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + within_s
        try:
            while not self.is_whole:
                await self.piece(ends_s - loop.time())
        except (TimeoutError, HttpFailed):
            self.close()

    def close(self) -> None:
        """Closes the connection unless the reply has come to its end; twice is harmless."""
        if self._connection is not None:
            self._connection.abandon()

    # What the connection tells.

    def begin(self, status: int, fields: Mapping[bytes, bytes]) -> None:
        """Takes the head: its status, and its headers by their names in small letters."""
        self.status = status
        self.content_type = _text(fields.get(b"content-type", b"")).partition(";")[0].strip().lower()
        self.encoding = _text(fields.get(b"content-encoding", b"")).strip().lower()
        after = fields.get(b"retry-after")
        self.retry_after = None if after is None else _text(after)

    def add(self, piece: bytes) -> None:
        """Takes bytes of the body."""
        self._pieces.append(piece)
        self.held_bytes += len(piece)
        self._loose += 1
        if self._loose == _LOOSE:
            self._pieces[-_LOOSE:] = [b"".join(self._pieces[-_LOOSE:])]
            self._loose = 0

    def leave(self) -> None:
        """Takes note that the connection is no longer this reply's."""
        self._connection = None

    @property
    def is_awaited(self) -> bool:
        """Says whether the reader waits for more."""
        return self._waiter is not None

    def wake(self, error: Exception | None = None) -> None:
        """Lets the reader go on, if it waits, or tells it an error."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)

    def _taken(self) -> bytes:
        pieces, self._pieces, self.held_bytes, self._loose = self._pieces, [], 0, 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _more(self, within_s: float) -> None:
        """Waits until the connection has more; whoever is cancelled here, or waits too long, closes it."""
        connection = self._connection
        if connection is None or self._waiter is not None:
            raise RuntimeError("one reader waits for a reply, and only while it comes")
        if within_s <= 0:
            self.close()
            raise TimeoutError
        try:
            self._waiter = connection.awaited(within_s)
            await self._waiter
        except BaseException:
            self._waiter = None
            self.close()
            raise


def _text(value: bytes) -> str:
    return value.decode("latin-1")
