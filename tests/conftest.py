"""What every test gets: no network, no secrets, a home of its own."""

import ipaddress
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

_SECRETS = ("_API_KEY", "_TOKEN", "_SECRET")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_KEPT = {"SUFFICE_DATA"}


class NetworkBlockedError(AssertionError):
    """A test reached for a machine other than this one."""


def _is_here(address: Any) -> bool:
    """Says whether an address is a Unix socket or on the loopback interface."""
    if not isinstance(address, tuple):
        return True
    host = address[0]
    if host in {None, "", b"", "localhost", b"localhost"}:
        return True
    host = host.decode() if isinstance(host, bytes) else host
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


def _guard(function: Any, position: int) -> Any:
    def guarded(*arguments: Any, **named: Any) -> Any:
        address = arguments[position]
        if not _is_here(address):
            raise NetworkBlockedError(f"tests may not reach {address!r}: only this machine's loopback")
        return function(*arguments, **named)

    return guarded


@pytest.fixture(scope="session", autouse=True)
def block_sockets() -> Iterator[None]:
    """Every connection but those to loopback and Unix sockets fails, names are not resolved."""
    resolve = socket.getaddrinfo

    def guarded_resolve(host: Any, *arguments: Any, **named: Any) -> Any:
        if not _is_here((host,)):
            raise NetworkBlockedError(f"tests may not look up {host!r}: only this machine's loopback")
        return resolve(host, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _guard(socket.socket.connect, 1))
        patch.setattr(socket.socket, "connect_ex", _guard(socket.socket.connect_ex, 1))
        patch.setattr(socket.socket, "sendto", _guard(socket.socket.sendto, -1))
        patch.setattr(socket, "getaddrinfo", guarded_resolve)
        yield


@pytest.fixture(autouse=True)
def isolate_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No secret, proxy or setting of the person who runs the tests is seen; the home is empty.

    SUFFICE_OFFLINE is the package's own switch: with it no model beyond loopback is ever asked,
    in child processes too.
    """
    for name in list(os.environ):
        is_setting = name.startswith("SUFFICE_") and name not in _KEPT
        if is_setting or name.upper().endswith(_SECRETS) or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path_factory.mktemp("suffice-home")))
    monkeypatch.setenv("SUFFICE_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
