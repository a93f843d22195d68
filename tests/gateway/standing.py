"""A whole gateway of a site file, served on loopback from a thread."""

import asyncio
import http.client
import http.server
import json
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvloop

from suffice.clock import SystemClock
from suffice.compose.gateway import Standing, opened_gateway
from suffice.compose.pages import Address
from suffice.compose.serving import server_settings
from suffice.serve.guard.secret import new_key
from suffice.serve.server import Server, bound, url_of
from suffice.serve.site.read import site_of

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
CHAT = {"model": "chat", "messages": [{"role": "user", "content": "hello"}]}


class SkippingClock(SystemClock):
    """Begins at noon, whenever the tests run; goes on as time does, and a test can move it on."""

    def __init__(self) -> None:
        self.skipped_s = 0.0
        self._began_s = super().elapsed_s()

    def now(self) -> datetime:
        """Returns the date and time."""
        return NOON + timedelta(seconds=self.elapsed_s() - self._began_s)

    def elapsed_s(self) -> float:
        """Returns the seconds of the steady clock."""
        return super().elapsed_s() + self.skipped_s


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A response: its JSON body, {} for none."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        """Returns the error's code, "" for none."""
        return self.body.get("error", {}).get("code", "")


@dataclass(frozen=True, kw_only=True)
class Running:
    """A gateway that is served."""

    port: int
    clock: SkippingClock
    standing: Standing
    loop: asyncio.AbstractEventLoop

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Returns what a coroutine returns in the gateway's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def new_key(self, **about: Any) -> tuple[str, str]:
        """Returns a new key's id, and the key as its owner is shown it."""
        key, shown = new_key("tests", at=self.clock.now(), **about)
        self.do(self.standing.records.store.keys.add(key))
        return key.id, shown

    def ask(self, path: str, body: Any = None, *, key: str = "", method: str = "", **headers: str) -> Answer:
        """Returns the answer to a request; `a_header` is sent as `a-header`."""
        sent = {"content-type": "application/json"} if body is not None else {}
        if key:
            sent["authorization"] = f"Bearer {key}"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method or ("GET" if body is None else "POST"), path, content, sent)
            response = connection.getresponse()
            raw = response.read()
        finally:
            connection.close()
        is_json = response.headers.get("content-type", "").startswith("application/json")
        told = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, headers=told, body=json.loads(raw) if is_json else {})


@contextmanager
def running(site_file: Path, *, clock: SkippingClock | None = None) -> Iterator[Running]:
    """Yields the gateway of a site file, served until the block is left."""
    clock = clock or SkippingClock()
    site = site_of(site_file, listen="127.0.0.1:0")
    settings = server_settings(site)
    started, told = threading.Event(), []

    async def serve() -> None:
        listening = bound(settings)
        address = Address(url=url_of(listening), port=listening.getsockname()[1], since=clock.now())
        async with opened_gateway(site, clock=clock, address=address) as standing:
            server = Server(standing.app, listening, settings)
            loop = asyncio.get_running_loop()
            gateway = Running(port=address.port, clock=clock, standing=standing, loop=loop)
            told.append((gateway, server))
            await server.run(started=started.set)

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serve())
        except BaseException as error:  # noqa: BLE001 - told to the test, whatever it is
            told.append((error, None))
        finally:
            started.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(60)
    gateway, server = told[0]
    if isinstance(gateway, BaseException):
        thread.join(20)
        raise gateway
    try:
        yield gateway
    finally:
        server.stop()
        thread.join(20)
        assert not thread.is_alive()


@dataclass
class Upstream:
    """A server that says "billing", or what `bodies` has for a path, and remembers what it was sent."""

    port: int = 0
    bodies: dict[str, Any] = field(default_factory=dict)
    received: list[tuple[dict[str, str], Any]] = field(default_factory=list)


@contextmanager
def upstream() -> Iterator[Upstream]:
    """Yields an OpenAI-compatible server on loopback."""
    seen = Upstream()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            sent = json.loads(self.rfile.read(int(self.headers["content-length"])))
            seen.received.append(({name.lower(): value for name, value in self.headers.items()}, sent))
            message = {"role": "assistant", "content": "billing"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            usage = {"prompt_tokens": 40, "completion_tokens": 10, "total_tokens": 50}
            body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
            raw = json.dumps(seen.bodies.get(self.path, body | {"usage": usage})).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    seen.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
