"""The HTTP server: uvicorn with uvloop, bound before it starts, stopped once what is under way has ended."""

from __future__ import annotations

import errno
import gc
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import uvicorn

from suffice.errors import OutputError
from suffice.serve.connection import connection_of
from suffice.serve.wire.exchange import Asgi

_BACKLOG = 2048


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Where the server listens, and what one connection may take; times in seconds.

    `header_bytes` counts a request's line and headers; `connections` those that are open at once.
    `held_bytes` are those of bodies that came in several packets, or in a large one, and are not answered
    yet, over all connections. `slow_header_s`, `slow_body_s`: a request's headers, then its body must have
    come by then;
    `slow_reader_s`: a client that reads nothing of what is sent for so long is dropped; `keep_alive_s`:
    an idle connection is closed; `drain_s`: what is under way at the end may take so long. Port 0 takes
    any free one.
    """

    host: str = "127.0.0.1"
    port: int = 8321
    header_count: int = 100
    header_bytes: int = 32 << 10
    connections: int = 2048
    held_bytes: int = 256 << 20
    slow_header_s: float = 10.0
    slow_body_s: float = 30.0
    slow_reader_s: float = 30.0
    keep_alive_s: float = 30.0
    drain_s: float = 30.0


def bound(settings: ServerSettings) -> socket.socket:
    """Returns the socket that the server will listen on: bound now, so that its port is known and its own.

    Raises:
        OutputError: the address is in use, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        place = f"{settings.host}:{settings.port}"
        if error.errno == errno.EADDRINUSE:
            raise OutputError(
                f"cannot listen on {place}: it is in use",
                hint="stop what listens there, or give another --listen HOST:PORT; beside another gateway, "
                "--home FOLDER too",
            ) from error
        raise OutputError(
            f"cannot listen on {place}: {error.strerror or error}", hint="give an address of this machine"
        ) from error


def url_of(listening: socket.socket) -> str:
    """Returns the address under which clients find a bound socket, without a path."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server:
    """Serves an application on a socket until it is told to stop; then ends what is under way."""

    def __init__(self, app: Asgi, listening: socket.socket, settings: ServerSettings) -> None:
        self._listening = listening
        self._server = _Uvicorn(
            uvicorn.Config(
                app,
                loop="none",  # who runs this has chosen the event loop
                http=connection_of(settings),
                ws="none",
                interface="asgi3",
                lifespan="off",  # who composes the application opens and closes what it holds
                log_config=None,
                log_level="error",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=max(1, round(settings.keep_alive_s)),
                timeout_graceful_shutdown=max(1, round(settings.drain_s)),
            )
        )

    async def run(self, *, started: Callable[[], None] | None = None) -> None:
        """Serves until `stop`, SIGINT or SIGTERM (a second: at once); `started` is called as it listens."""
        self._server.heard = started
        with _few_collections():
            await self._server.serve(sockets=[self._listening])

    def stop(self) -> None:
        """Ends it, from any thread: no new connections, then what is under way within `drain_s`."""
        self._server.should_exit = True


@contextmanager
def _few_collections() -> Iterator[None]:
    """Keeps the garbage collector from walking through models and libraries again and again.

    What is there when the server starts stays: it is left out of collections. What calls leave
    behind is freed by reference counts (`tests/gateway/test_memory.py`), so cycles are looked for less often
    than Python's default of every 700 new objects, which is every few calls.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(10_000, 20, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class _Uvicorn(uvicorn.Server):
    """Says when it listens, and does not send itself the signal that ended it: the end was an orderly one."""

    heard: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.heard is not None:
            self.heard()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        self.force_exit = self.should_exit
        self.should_exit = True
