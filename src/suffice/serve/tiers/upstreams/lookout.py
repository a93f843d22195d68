"""Whether a server beside the gateway takes connections: asked now and then, to know before a call.

Only servers on this machine, or in a network that the site trusts, are looked at: a connection to them that
says nothing costs nothing. Of others only calls tell.
"""

import asyncio
import ipaddress
import socket
from contextlib import suppress

from suffice.models.http.endpoint import is_offline
from suffice.serve.tiers.upstreams.addresses import Reachable
from suffice.serve.tiers.upstreams.http1.request_head import Origin
from suffice.serve.tiers.upstreams.upstream_settings import TrustedLocal, UpstreamSettings

_PATIENCE_S = 2.0


class Lookout:
    """Opens a connection to one server every few seconds, and closes it again; `why` says what came of it."""

    def __init__(self, settings: UpstreamSettings, *, offline: bool = False) -> None:
        self._origin = Origin(settings.endpoint.base_url)
        self._reachable: Reachable = settings.reachable(offline=is_offline(asked=offline))
        self.why = ""

    async def watch(self, *, every_s: float = 5.0) -> None:
        """Looks again and again, until it is cancelled."""
        while True:
            self.why = await self.look()
            await asyncio.sleep(every_s)

    async def look(self) -> str:
        """Returns why the server takes no connection now, "" where it does; never where it is."""
        host, port = self._origin.host, self._origin.port
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
                for _, _, _, _, (address, *_) in found:
                    if self._is_meant(str(address)) and await _takes(str(address), port):
                        return ""
        except TimeoutError:
            return f"its server took no connection within {_PATIENCE_S:g} s"
        except OSError as error:
            return f"its server cannot be found: {error.strerror or type(error).__name__}"
        return "nothing listens where its server should be"

    def _is_meant(self, address: str) -> bool:
        """Says whether the tier itself might connect to an address."""
        return self._reachable.refusal(ipaddress.ip_address(address.partition("%")[0])) is None


def lookout_of(settings: UpstreamSettings, *, offline: bool = False) -> Lookout | None:
    """Returns what looks after a server, None for one that only calls can tell of."""
    is_near = settings.endpoint.is_loopback or settings.trusted_local is not TrustedLocal.NO
    return Lookout(settings, offline=offline) if is_near else None


async def _takes(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True
