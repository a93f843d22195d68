"""One client's connection: uvicorn's, with limits for clients that send or read slowly, or send too much."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from suffice.serve import unused_memory
from suffice.serve.held_bytes import HeldBytes

if TYPE_CHECKING:
    from suffice.serve.server import ServerSettings

_WRONG: Mapping[str, tuple[int, str, str]] = {
    "request": (400, "invalid_request", "this is not a valid HTTP request"),
    "slow": (408, "request_timeout", "the request's body did not come in time"),
    "header": (431, "headers_too_large", "the request's headers are larger than this gateway takes"),
    "busy": (503, "too_many_connections", "this gateway has as many connections as it takes; come again"),
    "full": (503, "too_many_bytes", "this gateway holds as many bytes of requests as it takes; come again"),
}
_RETRY_AFTER_S = 1
_LINGER_S = _TIDY_AFTER_S = 1.0
# A packet that is no larger, and holds its request whole, is not counted: that is most of them.
_SMALL_BYTES = 64 << 10


class _TooLargeHeadError(Exception):
    """The headers are larger than the limit; httptools ends the parsing on it."""


class _Limited(HttpToolsProtocol):
    """Drops a connection whose headers or body do not come, or whose client does not read, in time.

    Most requests come whole in one packet: no timer is made for them.
    """

    limits: ServerSettings
    held: HeldBytes  # over all connections
    _held_bytes = 0  # of this one's bodies that have not been answered
    _awaited = ""  # what of a request has not come yet: "head", "body", or nothing
    _phase = 0  # how often that has changed
    _timed_phase = 0  # the phase that `_waiting` is the timer of
    _waiting: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None  # runs while the client reads nothing
    _head_bytes = 0  # of a request's headers, at most; not those in a packet with an earlier request
    _is_deaf = False  # what still comes is read and thrown away
    _is_pipelined = False  # an earlier request ended in the packet that is being read
    _fault = "request"

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._refuse("busy")
            return
        self._now_awaited("head")
        self._time()

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._waiting)
        _cancel(self._reading)
        self._give_back()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing() or self._is_deaf:
            return
        self._head_bytes += len(data)
        super().data_received(data)
        self._is_pipelined = False
        if self._awaited == "head":
            if self._head_bytes > self.limits.header_bytes:
                self._refuse("header")
        else:
            self._head_bytes = 0
            if self._awaited or self._held_bytes or len(data) > _SMALL_BYTES:
                self._hold(len(data))
        if self._phase != self._timed_phase and not self._is_deaf:
            self._time()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._now_awaited("head")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._awaited == "head":  # what comes after the body is no header: nobody has looked through it
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        # Only where all that came is more than the limit, it matters how much of it was headers.
        may_be_large = self._head_bytes > self.limits.header_bytes or self._is_pipelined
        is_large = may_be_large and self._size_of_head() > self.limits.header_bytes
        if is_large or len(self.headers) > self.limits.header_count:
            self._fault = "header"
            raise _TooLargeHeadError
        self._now_awaited("body")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._now_awaited("")
        self._head_bytes, self._is_pipelined = 0, True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._give_back()
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading = self.loop.call_later(self.limits.slow_reader_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        _cancel(self._reading)
        self._reading = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words; ours are in OpenAI's shape
        """Answers what never became a request, and closes the connection."""
        status, code, message = _WRONG[self._fault]
        kind = "server_error" if status >= 500 else "invalid_request_error"
        body = orjson.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})
        head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n" % len(body)
        if status == 503:
            head += b"retry-after: %d\r\n" % _RETRY_AFTER_S
        self.transport.write(STATUS_LINE[status] + head + b"\r\n" + body)
        if not self._is_deaf:
            self.transport.close()

    def _refuse(self, fault: str) -> None:
        if not self.transport.is_closing():
            self._fault = fault
            self.send_400_response("")

    def _hold(self, count: int) -> None:
        """Counts what has come of bodies; ends the request for which there is no room.

        A body whose length is known is refused at its first packet rather than at its last.
        """
        if self.cycle is None or self.cycle.response_complete:
            return  # what comes behind the answer is not kept
        is_first = self._held_bytes == 0
        self._held_bytes += count
        fits = self.held.take(count)
        if fits and is_first and self._awaited:
            fits = self._declared() - count <= self.held.room
        if fits:
            return
        if self.cycle.response_started:
            self.transport.close()
        else:
            self._turn_away()

    def _turn_away(self) -> None:
        """Refuses a body in the midst of its coming, so that its client reads why.

        A connection that is closed on bytes which were not read is reset, and the answer may be lost
        with it: so a little of them is read and thrown away (RFC 9112, section 9.6).
        """
        self._is_deaf = True
        self._refuse("full")
        self._give_back()
        self.transport.write_eof()
        self.cycle.disconnected = True
        self.cycle.body = bytearray()
        self.cycle.message_event.set()
        self.flow.resume_reading()
        _cancel(self._waiting)
        self._waiting = self.loop.call_later(_LINGER_S, self.transport.close)

    def _give_back(self) -> None:
        if self._held_bytes:
            self.held.give_back(self._held_bytes)
            self._held_bytes = 0

    def _declared(self) -> int:
        """Returns the length that the request's headers tell, 0 where they do not."""
        told = next((value for name, value in self.headers if name == b"content-length"), b"")
        return int(told[:20]) if told.isdigit() else 0

    def _size_of_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _now_awaited(self, what: str) -> None:
        self._awaited = what
        self._phase += 1

    def _time(self) -> None:
        """Gives what is awaited now its time."""
        _cancel(self._waiting)
        self._waiting = None
        self._timed_phase = self._phase
        if self._awaited == "head":
            self._waiting = self.loop.call_later(self.limits.slow_header_s, self.transport.close)
        elif self._awaited == "body":
            self._waiting = self.loop.call_later(self.limits.slow_body_s, self._give_up_body)

    def _give_up_body(self) -> None:
        """Ends a request whose body does not come; who has begun to answer it already is only cut off."""
        if self.cycle.response_started:
            self.transport.close()
        else:
            self._refuse("slow")


def connection_of(settings: ServerSettings) -> type[asyncio.Protocol]:
    """Returns the class of connections within these limits: uvicorn makes one for each client."""

    class Connection(_Limited):
        limits = settings
        held = HeldBytes(settings.held_bytes, emptied=_tidy_soon)

    return Connection


def _tidy_soon() -> None:
    """Gives memory back a little later, when the calls themselves are gone too; beside the loop."""
    loop = asyncio.get_running_loop()
    loop.call_later(_TIDY_AFTER_S, loop.run_in_executor, None, unused_memory.give_back)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
