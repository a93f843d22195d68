"""Offline: the process opens no connection but to this machine and to listed servers, whatever library asks.

An audit hook (PEP 578) cannot be removed once it is there. It hears every connection and look-up that
goes through Python's sockets. uvloop connects without them, so offline the gateway runs on asyncio's own
loop, and uvloop cannot be loaded. Sockets of compiled libraries are not heard: for those there are
network namespaces.
"""

import asyncio
import ipaddress
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from suffice.errors import SufficeError

_log = logging.getLogger(__name__)

_MOST_LOGGED = 1000
_INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})
_TO_SOMEBODY = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_BY_NAME = frozenset({"socket.getaddrinfo", "socket.gethostbyname"})
_BY_ADDRESS = frozenset({"socket.gethostbyaddr", "socket.getnameinfo"})


class OfflineRefused(PermissionError):  # noqa: N818 - reads as what it is where it is caught
    """A connection or a look-up that would leave this machine; libraries see a failed connection."""


class _Guard:
    """The hook: decides by the address alone; `allowed` are listed (host, port)."""

    def __init__(self, allowed: frozenset[tuple[str, int]]) -> None:
        self.allowed = allowed
        self._names = frozenset(host for host, _ in allowed)
        self._addresses = set(allowed)  # grows by what listed names resolve to
        self._logged: set[str] = set()
        self._local = threading.local()

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _TO_SOMEBODY:
            family, address = arguments[0].family, arguments[1]
            if address is not None and family != socket.AF_UNIX and not self._may_reach(family, address):
                self._refuse("a connection to", address)
        elif event in _BY_NAME:
            self._look_up(arguments[0])
        elif event in _BY_ADDRESS:
            host = arguments[0][0] if isinstance(arguments[0], tuple) else arguments[0]
            if not _is_this_machine(_plain(host)):
                self._refuse("the look-up of", host)
        elif event == "import" and str(arguments[0]).startswith("uvloop"):
            raise ImportError("uvloop is not loaded offline: its connections could not be checked")

    def _may_reach(self, family: int, address: Any) -> bool:
        if family not in _INTERNET or not isinstance(address, tuple):
            return False
        host, port = _plain(address[0]), address[1]
        return _is_this_machine(host) or (host, port) in self._addresses

    def _look_up(self, host: Any) -> None:
        name = _plain(host) if host is not None else ""
        if getattr(self._local, "is_inside", False) or name in {"", "localhost"} or _is_address(name):
            return  # nobody is asked for these
        if name not in self._names:
            self._refuse("the look-up of", name)
        self._local.is_inside = True
        try:
            for listed, port in self.allowed:
                if listed == name:
                    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
                    self._addresses.update((str(one[4][0]), port) for one in found)
        except OSError:
            pass  # the look-up that is about to be made fails in the same way
        finally:
            self._local.is_inside = False

    def _refuse(self, what: str, where: Any) -> None:
        shown = repr(where)
        if shown not in self._logged and len(self._logged) < _MOST_LOGGED:
            self._logged.add(shown)
            _log.warning("offline: %s %s was refused", what, shown)
        raise OfflineRefused(f"offline: {what} {shown} is refused")


_guard: _Guard | None = None


def go_offline(allowed: Iterable[tuple[str, int]] = ()) -> None:
    """Refuses from now on, until the process ends, all connections but to this machine and `allowed`.

    Call it first, before what connects is imported.

    Raises:
        SufficeError: uvloop is loaded already, or it was called before with other servers.
    """
    global _guard  # noqa: PLW0603 - one process, one hook
    wanted = frozenset((_plain(host), port) for host, port in allowed)
    if _guard is not None:
        if _guard.allowed != wanted:
            raise SufficeError("this process is offline already, with other servers allowed")
        return
    if "uvloop" in sys.modules:
        raise SufficeError(
            "uvloop was loaded before the process went offline: its connections cannot be checked"
        )
    _guard = _Guard(wanted)
    sys.addaudithook(_guard)


def is_offline() -> bool:
    """Says whether this process has gone offline."""
    return _guard is not None


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Returns what makes the event loop: uvloop's, or None (asyncio's own) once the process is offline."""
    if is_offline():
        return None
    import uvloop  # noqa: PLC0415 - may not be loaded offline

    return uvloop.new_event_loop


def _plain(host: Any) -> str:
    text = host.decode("latin-1") if isinstance(host, bytes | bytearray) else str(host)
    text = text.lower().partition("%")[0]
    return str(ipaddress.ip_address(text)) if _is_address(text) else text


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
