"""Offline: whatever library connects elsewhere is refused, and it is logged. In processes of their own."""

import subprocess
import sys
import textwrap

import pytest

PROLOGUE = """
import logging, socket, sys
logging.basicConfig(format="%(message)s")
from suffice.serve.guard.offline import OfflineRefused, go_offline, is_offline, loop_factory
ELSEWHERE = ("192.0.2.1", 443)  # TEST-NET-1: nobody's
"""


def ran(code):
    """Returns what a process printed and logged."""
    script = PROLOGUE + textwrap.dedent(code)
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert 0 == done.returncode, done.stderr
    return done.stdout.split(), done.stderr


ATTEMPTS = {
    "socket": "socket.create_connection(ELSEWHERE, timeout=1)",
    "connect_ex": "socket.socket().connect_ex(ELSEWHERE)",
    "udp": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ELSEWHERE)",
    "sendmsg": "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'x'], [], 0, ELSEWHERE)",
    "six": "socket.socket(socket.AF_INET6).connect(('2001:db8::1', 443))",
    "mapped": "socket.socket(socket.AF_INET6).connect(('::ffff:192.0.2.1', 443))",
    "name": "socket.getaddrinfo('example.com', 443)",
    "old_name": "socket.gethostbyname('example.com')",
    "reverse": "socket.gethostbyaddr('192.0.2.1')",
    "reverse_six": "socket.getnameinfo(('192.0.2.1', 1), 0)",
    "urllib": "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=1)",
    "asyncio": "import asyncio; asyncio.run(asyncio.open_connection(*ELSEWHERE))",
    "subclass": "import _socket; _socket.socket().connect(ELSEWHERE)",
}


def test_aprender_666_offline_refuses_every_way_out():
    """A connection or look-up elsewhere raises in whatever library, and each is logged once."""
    said, logged = ran(
        f"""
        ways = {ATTEMPTS!r}
        go_offline()
        for name, way in ways.items():
            for again in range(2):
                try:
                    exec(way)
                except (OfflineRefused, OSError) as error:
                    refused = error
                    while refused is not None and not isinstance(refused, OfflineRefused):
                        refused = refused.__context__ or getattr(refused, "reason", None)
                    print(name + (":refused" if refused else repr(error)))
        """
    )
    assert sorted(f"{name}:refused" for name in ATTEMPTS for _ in range(2)) == sorted(said)
    assert 1 == logged.count("a connection to ('192.0.2.1', 443) was refused")
    assert 1 == logged.count("the look-up of 'example.com' was refused")
    assert 1 == logged.count("the look-up of '192.0.2.1' was refused")


def test_aiohttp_sees_a_failed_connection():
    """The gateway's own client gets an error it knows, so that a tier fails cleanly."""
    said, _ = ran(
        """
        import asyncio, aiohttp
        go_offline()
        async def main():
            async with aiohttp.ClientSession() as session:
                for url in ("http://192.0.2.1/", "http://example.com/"):
                    try:
                        await session.get(url)
                    except aiohttp.ClientConnectorError:
                        print("clean")
        asyncio.run(main())
        """
    )
    assert ["clean", "clean"] == said


def test_this_machine_and_unix_sockets_are_reached():
    """By address, by name, over IPv4, IPv6 where there is one, and through files."""
    said, logged = ran(
        """
        import os, tempfile
        go_offline()
        server = socket.create_server(("127.0.0.1", 0))
        port = server.getsockname()[1]
        for host in ("127.0.0.1", "localhost", "::ffff:127.0.0.1"):
            socket.create_connection((host, port), timeout=5).close()
            print("reached")
        with tempfile.TemporaryDirectory() as folder:
            place = os.path.join(folder, "s")
            listening = socket.socket(socket.AF_UNIX)
            listening.bind(place)
            listening.listen()
            socket.socket(socket.AF_UNIX).connect(place)
            print("reached")
        """
    )
    assert ["reached"] * 4 == said
    assert "refused" not in logged


def test_a_listed_server_is_reached_at_its_port_only():
    """The connection is tried (nobody answers there); another port, or a neighbour, is refused."""
    said, _ = ran(
        """
        go_offline([("192.0.2.1", 443), ("LOCALHOST", 1)])
        for address in (("192.0.2.1", 443), ("192.0.2.1", 80), ("192.0.2.2", 443)):
            tried = socket.socket()
            tried.settimeout(0.05)
            try:
                tried.connect(address)
            except OfflineRefused:
                print("refused")
            except OSError:
                print("tried")
        """
    )
    assert ["tried", "refused", "refused"] == said


def test_a_listed_name_leads_to_its_addresses():
    """What the name resolves to when it is looked up may be reached at the listed port."""
    said, _ = ran(
        """
        real = socket.getaddrinfo
        from suffice.serve.guard import offline
        def resolved(host, port, *rest, **named):
            sys.audit("socket.getaddrinfo", host, port, 0, 0, 0)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", port))]
        socket.getaddrinfo = resolved
        go_offline([("backend.internal", 8000)])
        socket.getaddrinfo("Backend.Internal", 8000)
        for port in (8000, 8001):
            tried = socket.socket()
            tried.settimeout(0.05)
            try:
                tried.connect(("192.0.2.7", port))
            except OfflineRefused:
                print("refused")
            except OSError:
                print("tried")
        """
    )
    assert ["tried", "refused"] == said


def test_it_cannot_be_undone_or_widened():
    """Not by replacing functions of the socket module, and not by asking again with other servers."""
    said, _ = ran(
        """
        import importlib
        real = socket.socket.connect
        go_offline()
        go_offline()
        print(is_offline(), loop_factory())
        importlib.reload(socket)
        socket.socket.connect = real
        for try_it in (lambda: socket.socket().connect(ELSEWHERE), lambda: go_offline([ELSEWHERE])):
            try:
                try_it()
            except Exception as error:
                print(type(error).__name__)
        """
    )
    assert ["True", "None", "OfflineRefused", "SufficeError"] == said


def test_uvloop_is_not_loaded_offline():
    """It connects past Python's sockets: after going offline it is refused, before, going offline is."""
    pytest.importorskip("uvloop")
    said, _ = ran(
        """
        go_offline()
        try:
            import uvloop
        except ImportError as error:
            print("refused")
        """
    )
    assert ["refused"] == said
    said, _ = ran(
        """
        import uvloop
        print(loop_factory() is uvloop.new_event_loop)
        try:
            go_offline()
        except Exception as error:
            print(type(error).__name__, is_offline())
        """
    )
    assert ["True", "SufficeError", "False"] == said
