"""The connections to one server: the one used last is used next; who is idle too long is closed."""

from __future__ import annotations

import asyncio

from suffice.serve.tiers.upstreams.http1.connecting import Connecting
from suffice.serve.tiers.upstreams.http1.connection import Connection
from suffice.serve.tiers.upstreams.http1.failures import BrokenOff

# Less than most servers keep an idle connection (nginx 75 s, gunicorn and uvicorn 5 s and more).
_KEEP_ALIVE_S = 15.0


class Pool:
    """Connections of one event loop; how many there are at once is for the callers to bound."""

    def __init__(self, connecting: Connecting) -> None:
        self._connecting = connecting
        self._loop = asyncio.get_running_loop()
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._is_closed = False
        self._emptied: asyncio.Future[None] | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Returns the loop its connections live in."""
        return self._loop

    def idle(self) -> Connection | None:
        """Returns a connection that is open and idle, None where a new one is needed."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                if connection.is_silent:
                    return connection
                connection.abandon()  # what lies there would be taken for the reply to the next request
        return None

    async def connected(self) -> Connection:
        """Returns a new connection.

        Raises:
            AddressesRefused, NotConnected: see `Connecting`.
            BrokenOff: the pool was closed meanwhile.
        """
        connection = await self._connecting(self._new)
        if self._is_closed:
            connection.abandon()
            raise BrokenOff("the tier was closed")
        return connection

    def give_back(self, connection: Connection) -> None:
        """Takes a connection whose exchange ended cleanly."""
        if self._is_closed:
            connection.abandon()
            return
        connection.keep(_KEEP_ALIVE_S)
        self._idle.append(connection)

    def add(self, connection: Connection) -> None:
        """Takes note that a connection is open."""
        self._all.add(connection)

    def forget(self, connection: Connection) -> None:
        """Takes note that a connection is closed."""
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if not self._all and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    def drop_idle(self) -> None:
        """Closes the idle ones: where a server has dropped one of them, it has mostly dropped all."""
        for connection in self._idle[:]:
            connection.abandon()
        self._idle.clear()

    async def close(self) -> None:
        """Closes all connections, what they are doing too, and waits until they are closed."""
        self._is_closed = True
        self._idle.clear()
        if self._all:
            self._emptied = self._loop.create_future()
            for connection in list(self._all):
                connection.abandon()
            await self._emptied

    def _new(self) -> Connection:
        return Connection(self, self._loop)
