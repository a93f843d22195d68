"""A server on loopback that answers each request with exactly the bytes it is given, and a client for it."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from suffice.serve.tiers.upstreams.addresses import Reachable
from suffice.serve.tiers.upstreams.http1.connecting import Connecting
from suffice.serve.tiers.upstreams.http1.http_reply import HttpReply
from suffice.serve.tiers.upstreams.http1.pool import Pool
from suffice.serve.tiers.upstreams.http1.request_head import Origin, RequestHeads

OK = b"HTTP/1.1 200 OK\r\n"
JSON = OK + b"Content-Type: application/json\r\n"
WHOLE = JSON + b"Content-Length: 2\r\n\r\n{}"
# What a script may hold beside bytes and pauses (seconds): the connection is closed, or reset.
CLOSE, RESET = "close", "reset"
Script = list[bytes | float | str]


@dataclass
class RawServer:
    """Plays one script for each request, the last one again and again."""

    scripts: list[Script]
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    closed: asyncio.Event = field(default_factory=asyncio.Event)  # a client closed its connection
    read_slowly: bool = False
    answers_early: bool = False  # before it has read the body, of which it reads no more
    _reader: asyncio.StreamReader | None = None

    async def closed_by_client(self) -> None:
        """Returns once the client has closed the connection of a script that is still being played."""
        assert self._reader is not None
        while not (self._reader.at_eof() or self._reader.exception()):  # noqa: ASYNC110 - its end cannot be awaited
            await asyncio.sleep(0.002)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one connection."""
        self.connections += 1
        self._reader = reader
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                if self.read_slowly:
                    await asyncio.sleep(0.05)
                if self.answers_early:
                    await self._play(self.scripts[0], writer)
                    await self.closed_by_client()
                    break
                length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                await self._play(self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0], writer)
        self.closed.set()
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    async def _play(self, script: Script, writer: asyncio.StreamWriter) -> None:
        for step in script:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif isinstance(step, float):
                await asyncio.sleep(step)
            elif step == CLOSE:
                writer.close()
            else:
                writer.transport.abort()


@contextlib.asynccontextmanager
async def serving(*scripts: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Runs the server."""
    raw = RawServer(scripts=list(scripts))
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await raw.serve(reader, writer)
        tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


class Client:
    """Sends bodies to the server, and reads what comes."""

    def __init__(self, base_url: str, *, connect_s: float = 5.0) -> None:
        origin = Origin(base_url)
        self._heads = RequestHeads(origin)
        self.pool = Pool(Connecting(origin, Reachable(loopback=True), connect_s=connect_s))

    async def send(self, body: bytes = b"{}") -> HttpReply:
        """Returns the reply to one request."""
        connection = self.pool.idle() or await self.pool.connected()
        return connection.send(self._heads.head("/x", key=None, traceparent="", length=len(body)), body)

    async def ask(self, body: bytes = b"{}", *, within_s: float = 5.0) -> tuple[HttpReply, bytes]:
        """Returns one whole reply."""
        reply = await self.send(body)
        await reply.head(within_s)
        return reply, await reply.whole(most_bytes=1 << 24, next_s=lambda: within_s)


@contextlib.asynccontextmanager
async def asking(raw: RawServer) -> AsyncIterator[Client]:
    """Opens a client, and closes it."""
    client = Client(f"http://127.0.0.1:{raw.port}/v1")
    try:
        yield client
    finally:
        await client.pool.close()
