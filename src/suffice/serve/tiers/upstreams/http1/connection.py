"""One connection to a server: requests go out one at a time, replies are read by llhttp, in bounded memory.

llhttp (through httptools) refuses what RFC 9112 forbids: bare line feeds, NUL, folded lines, lengths that are
no numbers, two lengths, a length beside chunks. What it leaves open is bounded or refused here: the size
and count of headers, transfer codings other than chunked, other versions, interim replies, what frames
a body, a second reply, and bytes that nobody asked for.
"""

from __future__ import annotations

import asyncio
import select
from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from suffice.serve.tiers.upstreams.http1.alarm import Alarm
from suffice.serve.tiers.upstreams.http1.failures import BrokenOff, HttpFailed, NoReply
from suffice.serve.tiers.upstreams.http1.http_reply import HttpReply

if TYPE_CHECKING:
    from suffice.serve.tiers.upstreams.http1.pool import Pool

_HEAD_BYTES = 32 << 10
_HEADERS = 100
_INTERIM_REPLIES = 8
# Each byte of a body may bring so many of its framing: a chunk of one byte has five besides.
_FRAMING = 16
# Larger bodies are written in pieces, as the connection takes them.
_AT_ONCE_BYTES = 64 << 10
# A reader that has not asked for what came is given no more than this.
_HELD_BYTES = 256 << 10
_NO_BODY = frozenset({204, 304})


class _Wrong(Exception):  # noqa: N818 - reads as what it is where it is caught
    """A reply this client does not take; llhttp ends the parsing on it."""


class Connection(asyncio.Protocol):
    """A connection of a pool; has one exchange at a time, and goes back to the pool after a clean one."""

    def __init__(self, pool: Pool, loop: asyncio.AbstractEventLoop) -> None:
        self._pool = pool
        self._loop = loop
        self._alarm = Alarm(loop, self._rang)
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._reply: HttpReply | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._received_bytes = self._body_bytes = 0
        self._interim = self._interim_headers = 0
        self._wrong = ""
        self._is_open = self._is_full = self._is_reading_paused = False
        self._ends_with_connection = self._stays = False
        self._unsent: memoryview | None = None
        self._unread = select.poll()
        self.is_used = False  # a reply has come over it

    # The exchange.

    @property
    def is_usable(self) -> bool:
        """Says whether a request may be sent now."""
        return self._is_open and self._transport is not None and not self._transport.is_closing()

    @property
    def is_silent(self) -> bool:
        """Says whether nothing has come that the loop has not read yet: an end, or a reply to nobody."""
        return not self._unread.poll(0)

    def send(self, head: bytes, body: bytes) -> HttpReply:
        """Returns the reply to a request, of which nothing has come yet."""
        if self._transport is None or self._reply is not None:
            raise RuntimeError("a connection has one exchange at a time")
        self._reply = reply = HttpReply(self)
        self._headers.clear()
        self._received_bytes = self._body_bytes = 0
        self._interim = self._interim_headers = 0
        self._ends_with_connection = False
        if len(body) <= _AT_ONCE_BYTES:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._unsent = memoryview(body)
            self._send_on()
        return reply

    def awaited(self, within_s: float) -> asyncio.Future[None]:
        """Returns what is done once more of the reply has come; TimeoutError where that takes too long."""
        self._alarm.set(within_s)
        if self._is_reading_paused and self._transport is not None:
            self._is_reading_paused = False
            self._transport.resume_reading()
        return self._loop.create_future()

    def keep(self, seconds: float) -> None:
        """Closes the connection after so many seconds without a request."""
        self._alarm.set(seconds)

    def abandon(self) -> None:
        """Closes the connection at once, whatever is under way."""
        self._fail(BrokenOff("the connection was closed"))

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes the connection."""
        self._transport = transport  # type: ignore[assignment]
        self._unread.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        self._is_open = True
        self._pool.add(self)

    def data_received(self, data: bytes) -> None:
        """Reads what came, and lets the reader go on."""
        reply = self._reply
        if reply is None:
            self.abandon()  # nobody asked: the next reader could take it for its own reply
            return
        reply.has_begun = True
        self._received_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._fail(NoReply(self._wrong or _reason(error)))
            return
        if reply.is_whole:
            self._end(reply)
        elif self._is_flooded(reply):
            self._fail(NoReply("more framing than content"))
        elif reply.held_bytes > _HELD_BYTES and not reply.is_awaited and self._transport is not None:
            self._is_reading_paused = True
            self._transport.pause_reading()
        reply.wake()

    def eof_received(self) -> None:
        """Ends a reply that has no other end; any other one broke off."""
        reply = self._reply
        if reply is not None and reply.status and self._ends_with_connection:
            reply.is_whole = True
        self._fail(BrokenOff("the connection ended"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why says nothing to anybody
        """Forgets the connection."""
        self._fail(BrokenOff("the connection was lost"))
        self._pool.forget(self)
        # They know this connection too: together they would stay until a collection.
        self._alarm.end()
        del self._parser

    def pause_writing(self) -> None:
        """Writes no more for now."""
        self._is_full = True

    def resume_writing(self) -> None:
        """Writes on."""
        self._is_full = False
        self._send_on()

    # What the parser tells.

    def on_message_begin(self) -> None:
        """Refuses a second reply to one request."""
        if self._reply is None or self._reply.is_whole:
            self._refuse("more than one reply")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a header; what comes after the body is never looked at."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Takes the head of the reply, or of one that only says that it will come."""
        reply, headers, status = self._reply, self._headers, self._parser.get_status_code()
        # Only where all that came is more than the limit, it matters how much of it was headers.
        is_large = self._received_bytes > _HEAD_BYTES and sum(map(_size, headers)) > _HEAD_BYTES
        if is_large or len(headers) > _HEADERS:
            self._refuse("more headers than any reply needs")
        if status < 200:
            self._interim += 1
            if status == 101 or self._interim > _INTERIM_REPLIES:
                self._refuse("interim replies without an end")
            self._interim_headers = len(headers)
            return
        if self._parser.get_http_version() not in {"1.1", "1.0"}:
            self._refuse("another version of HTTP")
        # Backwards: of a header that comes twice the first one counts.
        fields = {name.lower(): value for name, value in reversed(headers[self._interim_headers :])}
        coding = fields.get(b"transfer-encoding")
        if coding is not None and not self._is_chunked(coding):
            self._refuse("a transfer coding other than chunked")
        self._ends_with_connection = (
            coding is None and b"content-length" not in fields and status not in _NO_BODY
        )
        if reply is not None:
            reply.begin(status, fields)

    def on_body(self, piece: bytes) -> None:
        """Takes bytes of the body."""
        if self._reply is not None:
            self._body_bytes += len(piece)
            self._reply.add(piece)

    def on_message_complete(self) -> None:
        """Takes note of a reply's end."""
        if self._reply is not None and self._reply.status:
            self._reply.is_whole = True
            self._stays = self._parser.should_keep_alive()

    def _is_chunked(self, coding: bytes) -> bool:
        """Says whether a body comes in chunks and nothing else: not so where the header comes twice."""
        names = [name for name, _ in self._headers if name.lower() == b"transfer-encoding"]
        return coding.strip().lower() == b"chunked" and len(names) == 1

    def _refuse(self, why: str) -> None:
        self._wrong = why
        raise _Wrong(why)

    # Ends.

    def _end(self, reply: HttpReply) -> None:
        """Ends an exchange whose reply is whole: the connection goes back, where it is as new."""
        transport = self._transport
        is_sent = self._unsent is None and transport is not None and not transport.get_write_buffer_size()
        if not (is_sent and self._stays and self.is_usable):
            self.abandon()
            return
        self._reply = None
        reply.leave()
        if self._is_reading_paused and transport is not None:
            self._is_reading_paused = False
            transport.resume_reading()
        self.is_used = True
        self._pool.give_back(self)

    def _fail(self, failure: HttpFailed) -> None:
        """Closes the connection; a reply that is not whole by now never will be."""
        self._is_open = False
        self._unsent = None
        self._alarm.stop()
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.leave()
            if not reply.is_whole or isinstance(failure, NoReply):
                reply.failure = failure
            reply.wake()
        if self._transport is not None:
            self._transport.abort()

    def _rang(self) -> None:
        """Time is up: for the reader that waits, or for a connection that nobody used."""
        if self._reply is None:
            self.abandon()
        else:
            self._reply.wake(TimeoutError())

    def _is_flooded(self, reply: HttpReply) -> bool:
        """Says whether what came is mostly no content: headers, interim replies, chunk sizes, trailers."""
        allowed_bytes = _HEAD_BYTES + (_HEAD_BYTES + _FRAMING * self._body_bytes if reply.status else 0)
        return self._received_bytes - self._body_bytes > allowed_bytes

    def _send_on(self) -> None:
        """Writes more of a large body, while the connection takes it."""
        while self._unsent is not None and not self._is_full and self._transport is not None:
            piece, rest = self._unsent[:_AT_ONCE_BYTES], self._unsent[_AT_ONCE_BYTES:]
            self._unsent = rest or None
            self._transport.write(piece)


def _size(header: tuple[bytes, bytes]) -> int:
    return len(header[0]) + len(header[1])


def _reason(error: Exception) -> str:
    """Returns llhttp's own words, which quote nothing of what came."""
    return "a protocol that nobody asked for" if isinstance(error, HttpParserUpgrade) else str(error)
