"""One client's connection: uvicorn's, with limits for clients that send or read slowly, or send too much."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

if TYPE_CHECKING:
    from suffice.serve.server import ServerSettings

_WRONG: Mapping[str, tuple[int, str, str]] = {
    "request": (400, "invalid_request", "this is not a valid HTTP request"),
    "slow": (408, "request_timeout", "the request's body did not come in time"),
    "header": (431, "headers_too_large", "the request's headers are larger than this gateway takes"),
    "busy": (503, "too_many_connections", "this gateway has as many connections as it takes; come again"),
}


class _TooLargeHeadError(Exception):
    """The headers are larger than the limit; httptools ends the parsing on it."""


class _Limited(HttpToolsProtocol):
    """Drops a connection whose headers do not come, or whose client does not read, in time."""

    limits: ServerSettings
    _head: asyncio.TimerHandle | None = None  # runs while a request's headers are awaited
    _body: asyncio.TimerHandle | None = None  # runs while its body is
    _reading: asyncio.TimerHandle | None = None  # runs while the client reads nothing
    _head_bytes = 0
    _fault = "request"

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._fault = "busy"
            self.send_400_response("")
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._head)
        _cancel(self._body)
        _cancel(self._reading)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._head is None:
            return
        self._head_bytes += len(data)
        if self._head_bytes > self.limits.header_bytes and not self.transport.is_closing():
            self._fault = "header"
            self.send_400_response("")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._head is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        _cancel(self._head)
        self._head = None
        self._head_bytes = 0
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > self.limits.header_bytes or len(self.headers) > self.limits.header_count:
            self._fault = "header"
            raise _TooLargeHeadError
        self._body = self.loop.call_later(self.limits.slow_body_s, self._give_up_body)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        _cancel(self._body)
        super().on_message_complete()

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
        head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(
            body
        )
        self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()

    def _give_up_body(self) -> None:
        """Ends a request whose body does not come; who has begun to answer it already is only cut off."""
        if self.cycle.response_started:
            self.transport.close()
        else:
            self._fault = "slow"
            self.send_400_response("")

    def _await_head(self) -> None:
        self._head = self.loop.call_later(self.limits.slow_header_s, self.transport.close)


def connection_of(settings: ServerSettings) -> type[asyncio.Protocol]:
    """Returns the class of connections within these limits: uvicorn makes one for each client."""

    class Connection(_Limited):
        limits = settings

    return Connection


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
