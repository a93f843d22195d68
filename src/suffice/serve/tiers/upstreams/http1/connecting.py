"""A new connection to a server: looked up, checked at the socket, then connected to exactly that address."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

from suffice.serve.tiers.upstreams.addresses import AddressRefused, AddrInfo, Reachable
from suffice.serve.tiers.upstreams.http1.failures import (
    AddressesRefused,
    ConnectTimedOut,
    NotConnected,
    NotTrusted,
)
from suffice.serve.tiers.upstreams.http1.request_head import Origin
from suffice.serve.time_limit import TimeLimit

Made = TypeVar("Made", bound=asyncio.Protocol)


class Connecting:
    """Connects to one server; no proxy is asked, whatever the environment says."""

    def __init__(self, origin: Origin, reachable: Reachable, *, connect_s: float) -> None:
        self._origin = origin
        self._open_socket = reachable.socket_factory()
        self._connect_s = connect_s
        self._tls = _tls() if origin.is_tls else None
        self._last_good: Any = None  # tried first the next time

    async def __call__(self, make: Callable[[], Made]) -> Made:
        """Returns the protocol that `make` makes, connected; the host's addresses are tried in turn.

        Raises:
            AddressesRefused: none of them may be connected to.
            NotConnected: none took the connection; ConnectTimedOut: in time.
        """
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + self._connect_s
        infos = await self._looked_up(loop)
        infos.sort(key=lambda info: info[4] != self._last_good)
        failure: Exception | None = None
        for number, info in enumerate(infos):
            # One that does not even refuse must leave the others their time.
            share_s = (ends_s - loop.time()) / (len(infos) - number)
            try:
                with TimeLimit(share_s):
                    protocol = await self._connected(loop, info, make)
            except AddressRefused as error:
                failure = failure or error
            except OSError as error:  # a TimeoutError is one too
                failure = error
            else:
                self._last_good = info[4]
                return protocol
        raise _failed(failure, self._connect_s) from failure

    async def _looked_up(self, loop: asyncio.AbstractEventLoop) -> list[AddrInfo]:
        origin = self._origin
        try:
            with TimeLimit(self._connect_s):
                return list(await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM))
        except OSError as error:
            raise _failed(error, self._connect_s) from error

    async def _connected(
        self, loop: asyncio.AbstractEventLoop, info: AddrInfo, make: Callable[[], Made]
    ) -> Made:
        sock = self._open_socket(info)
        try:
            sock.settimeout(0)  # never blocks
            await loop.sock_connect(sock, info[4])
        except BaseException:
            sock.close()
            raise
        # From here on the socket is the transport's, which closes it where the handshake fails.
        name = self._origin.host if self._tls is not None else None
        _, protocol = await loop.create_connection(make, sock=sock, ssl=self._tls, server_hostname=name)
        return protocol


def _tls() -> ssl.SSLContext:
    """Returns the default context: certificates are checked, and that they are for the server's name."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _failed(error: Exception | None, connect_s: float) -> AddressesRefused | NotConnected:
    match error:
        case AddressRefused():
            return AddressesRefused(error.strerror or "")
        case TimeoutError():
            return ConnectTimedOut(f"took no connection in {connect_s:g} s")
        case ssl.SSLCertVerificationError():
            return NotTrusted("has no certificate that can be trusted")
        case _:
            return NotConnected("takes no connection")
