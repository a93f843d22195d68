"""The server: how it starts, how it ends, and what becomes of clients that do not read."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from suffice.errors import OutputError
from suffice.serve.call import Call
from suffice.serve.reply import Outcome
from suffice.serve.server import ServerSettings, bound, url_of
from tests.gateway.composed import KEY, Composed, chunk, local, served, streaming


def _request(body: dict[str, Any]) -> bytes:
    content = json.dumps({"messages": [{"role": "user", "content": "x"}], **body}).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def _connected(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def _everything(connection: socket.socket) -> bytes:
    received = b""
    while part := connection.recv(65536):
        received += part
    return received


def test_what_is_under_way_is_finished_when_the_server_stops() -> None:
    """A stop takes no new connections, and waits for the answer that somebody is waiting for."""
    began = threading.Event()

    async def slow(call: Call) -> Outcome:
        began.set()
        await asyncio.sleep(0.3)
        return await local("billing")(call)

    composed = Composed({"tickets": slow})
    with served(composed.app) as url:
        connection = _connected(url)
        connection.sendall(_request({"model": "tickets"}))
        assert began.wait(5)
    with connection:
        answer = _everything(connection)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"billing" in answer
    with pytest.raises(ConnectionRefusedError):
        _connected(url)


def test_what_takes_too_long_is_cut_off_when_the_server_stops() -> None:
    """After `drain_s` the rest is cancelled; the call ends as an event that says so."""

    async def endless(_call: Call) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    composed = Composed({"tickets": endless})
    with served(composed.app, drain_s=1.0) as url:
        connection = _connected(url)
        connection.sendall(_request({"model": "tickets"}))
        while not composed.walk.calls:
            time.sleep(0.01)
    connection.close()
    assert [(499, "stopped")] == [(event.status, event.error) for event in composed.journal.events]


def test_a_client_that_reads_nothing_is_dropped() -> None:
    """The server's buffers fill, and after `slow_reader_s` the connection and the upstream are closed."""
    closed = threading.Event()

    async def endless() -> AsyncIterator[dict[str, Any]]:
        try:
            while True:
                yield chunk("x" * 100_000)
        finally:
            closed.set()

    composed = Composed({"words": streaming(endless)})
    with served(composed.app, slow_reader_s=0.3) as url, _connected(url) as connection:
        connection.sendall(_request({"model": "words", "stream": True}))
        assert closed.wait(10)
    assert ["client_left"] == [event.error for event in composed.journal.events]


def test_requests_on_one_connection_are_answered_in_their_order() -> None:
    """Keep-alive and pipelining: each answer has its own id."""
    composed = Composed({"tickets": local("billing")})
    with served(composed.app, keep_alive_s=1.0) as url, _connected(url) as connection:
        connection.sendall(_request({"model": "tickets"}) * 3)
        answers = _everything(connection).split(b"HTTP/1.1 ")[1:]
    assert [b"200 OK"] * 3 == [answer[:6] for answer in answers]
    assert 3 == len({event.id for event in composed.journal.events})


def test_a_port_in_use_is_said_with_what_to_type() -> None:
    """No traceback: which address, and how to take another."""
    with bound(ServerSettings(port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OutputError, match=f"127.0.0.1:{port}: it is in use") as raised:
            bound(ServerSettings(port=port))
        assert f"http://127.0.0.1:{port}" == url_of(taken)
    assert "--listen" in (raised.value.hint or "")


def test_an_address_of_another_machine_is_refused() -> None:
    """An address that is not this machine's is a set-up error too."""
    with pytest.raises(OutputError, match=r"192\.0\.2\.1"):
        bound(ServerSettings(host="192.0.2.1", port=0))


def test_the_bodies_of_all_calls_together_are_bounded() -> None:
    """Half-sent bodies fill the room; the next one is refused before it is read, small calls are not."""
    composed = Composed({"tickets": local("billing")})
    with served(composed.app, held_bytes=1_000_000) as url, ExitStack() as stack:
        halves = [stack.enter_context(_connected(url)) for _ in range(2)]
        for half in halves:
            half.sendall(_large(450_000)[:400_000])
        assert _until(lambda: b" 503 " in _asked(url, _large(300_000)))
        refused = _asked(url, _large(300_000))
        assert b"retry-after: 1\r\n" in refused
        assert b"too_many_bytes" in refused
        assert _asked(url, _request({"model": "tickets"})).startswith(b"HTTP/1.1 200 OK")
        halves[0].close()
        assert _until(lambda: _asked(url, _large(300_000)).startswith(b"HTTP/1.1 200 OK"))
        for _ in range(5):  # what was answered is held no longer
            assert _asked(url, _large(500_000)).startswith(b"HTTP/1.1 200 OK")


def test_a_body_that_says_no_length_is_bounded_too() -> None:
    """It is refused where it passes the room that is left."""
    composed = Composed({"tickets": local("billing")})
    chunked = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n"
    chunked += f"authorization: Bearer {KEY}\r\ncontent-type: application/json\r\n\r\n".encode()
    with served(composed.app, held_bytes=300_000) as url, _connected(url) as connection:
        connection.sendall(chunked)
        with suppress(ConnectionError):
            for _ in range(40):
                connection.sendall(b"2710\r\n" + b"a" * 10_000 + b"\r\n")
                time.sleep(0.001)
        assert b" 503 " in connection.recv(4096)


def test_calls_that_wait_for_their_answers_hold_their_bodies() -> None:
    """Whole bodies count until they are answered."""
    go_on = threading.Event()

    async def slow(call: Call) -> Outcome:
        await asyncio.to_thread(go_on.wait, 10)
        return await local("billing")(call)

    composed = Composed({"tickets": slow})
    with served(composed.app, held_bytes=1_000_000) as url, _connected(url) as waiting:
        waiting.sendall(_large(900_000))
        assert _until(lambda: len(composed.walk.calls) == 1)
        assert b" 503 " in _asked(url, _large(300_000))
        go_on.set()
        assert waiting.recv(4096).startswith(b"HTTP/1.1 200 OK")
        assert _asked(url, _large(300_000)).startswith(b"HTTP/1.1 200 OK")


def _large(size: int) -> bytes:
    """Returns a request with a body of about so many bytes."""
    return _request({"model": "tickets", "padding": "x" * size})


def _asked(url: str, request: bytes) -> bytes:
    """Returns what comes back to a request, which may be refused before all of it was sent."""
    with _connected(url) as connection:
        with suppress(ConnectionError):
            connection.sendall(request)
        try:
            return connection.recv(4096)
        except ConnectionResetError:
            return b"reset"


def _until(is_so: Callable[[], bool]) -> bool:
    ends_s = time.monotonic() + 10
    while not is_so():
        if time.monotonic() > ends_s:
            return False
        time.sleep(0.02)
    return True
