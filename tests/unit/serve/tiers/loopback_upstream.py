"""A server on loopback that says exactly the bytes a test gives it, and remembers what it was sent."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from suffice.models.http.endpoint import Endpoint, Waiting
from suffice.models.http.spend import Price
from suffice.ports import Request
from suffice.serve.call import Call, Caller, Operation
from suffice.serve.tiers.upstreams.breaker import BreakerSettings
from suffice.serve.tiers.upstreams.upstream import UpstreamTier
from suffice.serve.tiers.upstreams.upstream_settings import UpstreamSettings

QUICK = Waiting(connect_s=5.0, first_byte_s=20.0, idle_s=20.0, total_s=30.0, attempts=1)
PRICE = Price(usd_per_1m_input=1.0, usd_per_1m_output=2.0)

Script = Callable[["Received", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Received:
    """One request as it came over the wire."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


def a_call(*, operation: Operation = Operation.CHAT, text: str = "hello", **changes: Any) -> Call:
    """Returns a call with one short message."""
    body = {"model": "asked", "messages": [{"role": "user", "content": text}]}
    call = Call(
        id="req-1",
        operation=operation,
        model="asked",
        route="asked",
        caller=Caller(key_id="k1"),
        body=body,
        request=Request(text=text),
    )
    return replace(call, **changes)


def completion(content: Any = "billing", **more: Any) -> dict[str, Any]:
    """Returns a chat completion as servers send it."""
    message = {"role": "assistant", "content": content}
    return {
        "id": "c1",
        "object": "chat.completion",
        "model": "really-this",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 50, "completion_tokens": 2},
        **more,
    }


def response(
    body: bytes | Any = b"", *, status: int = 200, kind: str = "application/json", **headers: str
) -> Script:
    """Returns a script that sends one whole response."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {kind}", f"Content-Length: {len(data)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]

    async def script(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        await writer.drain()

    return script


def raw(*pieces: bytes | float, close: bool = True) -> Script:
    """Returns a script that sends bytes as they are, and waits so many seconds at each number."""

    async def script(_: Received, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            if isinstance(piece, bytes):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            else:
                await asyncio.sleep(piece)
        if close:
            writer.close()

    return script


EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def chunk(content: str | None = None, **more: Any) -> dict[str, Any]:
    """Returns one chunk of a streamed chat completion."""
    delta = {} if content is None else {"role": "assistant", "content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": more.pop("finish_reason", None)}
    return {"object": "chat.completion.chunk", "model": "really-this", "choices": [choice], **more}


def event(value: Any) -> bytes:
    """Returns one event of a stream."""
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


END = event(chunk(finish_reason="stop"))
USAGE = event({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}})
DONE = event(b"[DONE]")


@dataclass
class Upstream:
    """Plays its scripts in turn, the last one again and again."""

    scripts: list[Script]
    received: list[Received] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    connections: int = 0
    at_once: int = 0
    most_at_once: int = 0
    lost: asyncio.Event = field(default_factory=asyncio.Event)  # a client closed its connection
    asked: asyncio.Event = field(default_factory=asyncio.Event)  # a request has come
    base_url: str = ""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the requests of one connection until either side closes it."""
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while not writer.is_closing():
                received = await self._read(reader)
                self.received.append(received)
                self.asked.set()
                script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                watch = asyncio.ensure_future(self._watch(reader))
                try:
                    await script(received, writer)
                finally:
                    self.at_once -= 1
                    watch.cancel()
                    await asyncio.gather(watch, return_exceptions=True)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.lost.set()
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _watch(self, reader: asyncio.StreamReader) -> None:
        """Notices that the client goes away while a script plays."""
        while not reader.at_eof():  # noqa: ASYNC110 - its end cannot be awaited
            await asyncio.sleep(0.002)
        self.lost.set()

    async def _read(self, reader: asyncio.StreamReader) -> Received:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers.get("Content-Length", 0)))
        return Received(path=head[0].split()[1], headers=headers, body=json.loads(body))

    async def pause(self, seconds: float) -> None:
        """Notes a pause between attempts instead of waiting."""
        self.pauses.append(seconds)

    def settings(self, **changes: Any) -> UpstreamSettings:
        """Returns a tier's settings for this server; names of an Endpoint's fields go there."""
        given: dict[str, Any] = {"base_url": self.base_url, "model": "m", "waiting": QUICK}
        for name in ("base_url", "waiting", "concurrency", "price", "api_key_env"):
            if name in changes:
                given[name] = changes.pop(name)
        changes.setdefault("breaker", BreakerSettings(in_a_row=1000, least_calls=1000))
        return UpstreamSettings(**{"name": "big", "endpoint": Endpoint(**given), **changes})


@contextlib.asynccontextmanager
async def playing(*scripts: Script) -> AsyncIterator[Upstream]:
    """Runs the server."""
    upstream = Upstream(scripts=list(scripts))
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield upstream
    finally:
        server.close()
        tasks = list(upstream._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


@contextlib.asynccontextmanager
async def asking(upstream: Upstream, **changes: Any) -> AsyncIterator[UpstreamTier]:
    """Opens a tier that asks this server, and closes it."""
    options = {name: changes.pop(name) for name in ("clock", "offline") if name in changes}
    tier = UpstreamTier(upstream.settings(**changes), sleep=upstream.pause, seed=0, **options)
    try:
        yield tier
    finally:
        await tier.close()
        await tier.close()
