"""Which addresses a tier may connect to, checked at the socket: after every lookup, before every connection.

A name's address is looked at where the connection is made, and the socket goes to exactly the address
that was looked at: a name that resolves differently a moment later (DNS rebinding) gains nothing.
"""

import errno
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# What a look-up finds, as `socket.getaddrinfo` has it: family, kind, protocol, name, address.
AddrInfo = tuple[int, int, int, str, tuple[Any, ...]]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Where clouds hand out a machine's own credentials, outside the link-local ranges.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "fd20:ce::254")
)
# IPv6 ranges that carry an IPv4 address in their last 32 bits (RFC 6052, RFC 8215, RFC 4291 2.5.5.1).
_CARRIES_IPV4 = tuple(
    ipaddress.IPv6Network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/96", "::ffff:0:0:0/96", "::/96")
)


class AddressRefused(OSError):  # noqa: N818 - reads as what it is where it is caught
    """An address that a tier may not connect to; its errno is EACCES."""

    def __init__(self, why: str) -> None:
        super().__init__(errno.EACCES, why)


@dataclass(frozen=True, kw_only=True)
class Reachable:
    """The addresses one tier may connect to.

    `loopback`: base_url names this machine. `private`: the site allows private networks and this
    machine. `networks`: listed ones. `offline`, `trusted`: nothing public but what is listed, since
    the site is offline, or since this tier is trusted as local. Link-local,
    metadata, multicast and unspecified addresses are refused whatever is allowed.
    """

    loopback: bool = False
    private: bool = False
    networks: tuple[Network, ...] = ()
    offline: bool = False
    trusted: bool = False

    def refusal(self, address: Address) -> str | None:
        """Returns what is wrong with an address, e.g. "a private address"; None for one that is allowed."""
        address = plain(address)
        if address in _METADATA:
            return "the address of a cloud's metadata service"
        if address.is_link_local or address.is_multicast or address.is_unspecified:
            return "a link-local, multicast or unspecified address"
        if any(address in network for network in self.networks):
            return None
        if address.is_loopback:
            return None if self.loopback or self.private else "an address of this machine"
        if not address.is_global:  # private, shared, reserved, documentation ...
            return None if self.private else "a private address"
        return f"a public address, {self._confined}" if self._confined else None

    def refusal_of_host(self, host: str) -> str | None:
        """Returns what is wrong with a host before it is looked up, None for nothing.

        An address is judged at once; a name only offline: to look one up is to ask another machine, which
        is done where the site lists the networks it may lead to.
        """
        try:
            return self.refusal(ipaddress.ip_address(host.partition("%")[0]))
        except ValueError:
            listed = host == "localhost" or self.private or self.networks
            return f"a name to be looked up, {self._confined}" if self._confined and not listed else None

    @property
    def _confined(self) -> str:
        """Returns why nothing public may be reached, "" where it may."""
        if self.offline:
            return "while offline"
        return "of a server trusted as local" if self.trusted else ""

    def socket_factory(self) -> Callable[[AddrInfo], socket.socket]:
        """Returns what makes the sockets to connect with: none for an address that is refused."""

        def open_socket(where: AddrInfo) -> socket.socket:
            family, kind, protocol, _, address = where
            host = str(address[0])
            try:
                why = self.refusal(ipaddress.ip_address(host.partition("%")[0]))
            except ValueError:
                why = "no numeric address"
            if why is not None:
                raise AddressRefused(why)
            return socket.socket(family=family, type=kind, proto=protocol)

        return open_socket


def plain(address: Address) -> Address:
    """Returns the IPv4 address that an IPv6 address stands for (mapped, 6to4, NAT64 ...), else itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    is_carrier = any(address in network for network in _CARRIES_IPV4)
    if is_carrier and not (address.is_loopback or address.is_unspecified):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
