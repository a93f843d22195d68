"""One HTTP request and its response over ASGI: limits, writing, a client that leaves."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any

from suffice.serve.errors import BadCall, TooLarge
from suffice.serve.wire import headers as sent_headers

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Field = tuple[bytes, bytes]

JSON_TYPE = b"application/json"
_STREAM: tuple[Field, ...] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # proxies of the nginx kind hold streams back without it
)
# A shorter call ends before it is worth looking whether the client is still there.
_LOOK_AFTER_S = 0.05


# What makes ids this process's own, and which request it is: nothing secret hangs on an id.
_PROCESS, _COUNT = secrets.token_hex(8), itertools.count(secrets.randbits(40))


def new_id() -> str:
    """Returns the id of the next call of this process."""
    return f"req_{_PROCESS}{next(_COUNT):016x}"


class ClientLeft(Exception):  # noqa: N818 - reads as what it is where it is caught
    """The client closed the connection before it had its answer."""


class Exchange:
    """One request and its response; `id` is made here and is the only one that counts."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.id = new_id()
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])
        self._receive = receive
        self._send = send
        self._echoed = sent_headers.client_id(self.headers)
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._left = False

    @property
    def authorization(self) -> str | None:
        """Returns the header that carries the key; None where there is none."""
        value = self.headers.get(b"authorization")
        return None if value is None else value.decode("latin-1")

    @property
    def traceparent(self) -> str | None:
        """Returns the header that carries a client's trace (W3C Trace Context); None where there is none."""
        value = self.headers.get(b"traceparent")
        return None if value is None else value.decode("latin-1")

    async def body(self, most_bytes: int) -> bytes:
        """Returns the body's bytes. Who sends it too slowly is the server's to drop (`serve.connection`).

        Raises:
            BadCall: status 415, it is no JSON by its content type.
            TooLarge: it is larger than the limit; nothing beyond it is read.
            ClientLeft: the client left before its end.
        """
        self._check_type()
        declared = self.headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared[:20]) > most_bytes:
            raise _too_large(most_bytes)
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._left = True
                raise ClientLeft
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > most_bytes:
                raise _too_large(most_bytes)
            if not message.get("more_body"):
                return b"".join(parts)

    async def send(
        self, status: int, body: bytes, headers: Sequence[Field] = (), *, media_type: bytes = JSON_TYPE
    ) -> None:
        """Sends a whole response."""
        start = [
            (b"content-type", media_type),
            (b"content-length", b"%d" % len(body)),
            *self._ids(),
            *headers,
        ]
        await self._send({"type": "http.response.start", "status": status, "headers": start})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def start_stream(self, headers: Sequence[Field] = (), *, status: int = 200) -> None:
        """Sends the head of a response that comes in events."""
        start = [*_STREAM, *self._ids(), *headers]
        await self._send({"type": "http.response.start", "status": status, "headers": start})

    async def send_part(self, part: bytes, *, more: bool = True) -> None:
        """Sends a part of a stream's body; the last one ends it."""
        await self._send({"type": "http.response.body", "body": part, "more_body": more})

    def watch(self) -> None:
        """From now on the running task is cancelled when the client leaves; the body must have been read."""
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(_LOOK_AFTER_S, self._look)

    @property
    def left(self) -> bool:
        """Says whether the client was seen to leave: its call was cancelled, if it had begun."""
        return self._left

    def close(self) -> None:
        """Ends the watching."""
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None  # it knows this exchange too: together they would stay until a collection

    def _ids(self) -> list[Field]:
        ids = [(b"x-request-id", self.id.encode())]
        if self._echoed is not None:
            ids.append((b"x-client-request-id", self._echoed))
        return ids

    def _check_type(self) -> None:
        """Refuses a body that is not called JSON: a web page can send any other kind without asking."""
        kind = self.headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if kind != JSON_TYPE:
            said = kind.decode("latin-1")[:60] or "none"
            raise BadCall(
                f"the header content-type must be application/json, not {said}",
                status=415,
                code="unsupported_media_type",
                param="content-type",
            )

    def _look(self) -> None:
        self._watch = asyncio.get_running_loop().create_task(self._wait_for_leaving())

    async def _wait_for_leaving(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._task is not None and not self._task.done():
            self._left = True
            self._task.cancel()


def _too_large(most_bytes: int) -> TooLarge:
    return TooLarge(f"the body is larger than {most_bytes:,} bytes, the most this gateway takes")
