"""What calls leave behind in memory: nothing that only the garbage collector would find."""

import gc
import http.client
import http.server
import json
import socket
import threading
import time
from collections import Counter
from contextlib import contextmanager

import pytest

from suffice.serve.call import Call
from suffice.serve.case import Case
from suffice.serve.event import Event
from suffice.serve.reply import Streaming
from suffice.serve.tiers.upstreams.http1.connection import Connection
from suffice.serve.wire.exchange import Exchange
from tests.gateway.standing import CHAT, running, upstream

CHATS = "/v1/chat/completions"
TIMES = 10
SITE = """\
suffice: 1
home: home
models:
  chat: {{tiers: [near]}}
  dead: {{tiers: [dead]}}
  desk: {{tiers: [people]}}
  slow: {{tiers: [silent], timeout_s: 0.1}}
  broken: {{tiers: [breaking]}}
tiers:
  near: {{kind: upstream, base_url: "http://127.0.0.1:{port}/v1", model: m}}
  dead: {{kind: upstream, base_url: "http://127.0.0.1:9/v1", model: m, attempts: 1}}
  breaking: {{kind: upstream, base_url: "http://127.0.0.1:{breaking}/v1", model: m, attempts: 1}}
  silent: {{kind: upstream, base_url: "http://127.0.0.1:{silent}/v1", model: m, attempts: 1}}
  people: {{kind: human}}
"""
SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
# How a call may end, and with which status; the server behind says "billing" to everything.
ENDS = {
    "answered": (CHATS, CHAT, 200),
    "unknown model": (CHATS, {**CHAT, "model": "nobody"}, 404),
    "wrong": (CHATS, {"model": "chat"}, 400),
    "nobody there": (CHATS, {**CHAT, "model": "dead"}, 502),
    "no stream": (CHATS, {**CHAT, "stream": True}, 200),
    "a stream that breaks": (CHATS, {**CHAT, "model": "broken", "stream": True}, 200),
    "a reply that breaks": (CHATS, {**CHAT, "model": "broken"}, 502),
    "no JSON": (CHATS, {**CHAT, "response_format": SCHEMA}, 502),
    "late": (CHATS, {**CHAT, "model": "slow"}, 504),
    "no vectors": ("/v1/embeddings", {"model": "desk", "input": "a"}, 400),
    "feedback on nothing": ("/v1/feedback", {"request_id": "req_0", "correct": True}, 404),
}


@contextmanager
def breaking():
    """Yields the port of a server that ends every connection after the first words of its answer."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            choice = {"index": 0, "delta": {"content": "a word"}, "finish_reason": None}
            self.send_response(200)
            kind = "text/event-stream" if body.get("stream") else "application/json"
            self.send_header("content-type", kind)
            self.send_header("content-length", "10000")
            self.end_headers()
            self.wfile.write(b"data: " + json.dumps({"model": "m", "choices": [choice]}).encode() + b"\n\n")

        def log_message(self, *_):
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """Returns a running gateway with a server, others that say nothing or break off, and where nobody is."""
    place = tmp_path_factory.mktemp("site") / "site.yaml"
    with upstream() as server, breaking() as port, socket.create_server(("127.0.0.1", 0)) as silent:
        place.write_text(SITE.format(port=server.port, silent=silent.getsockname()[1], breaking=port))
        with running(place) as gateway:
            yield gateway


@pytest.mark.parametrize("end", ENDS)
def test_a_call_that_has_ended_is_gone(gateway, end):
    """However it ended: a circle of references would keep it, and a batch of events, for long."""
    path, body, status = ENDS[end]
    _, key = gateway.new_key(scopes=frozenset({"call", "feedback"}))
    statuses = {gateway.ask(path, body, key=key).status for _ in range(3)}
    with _no_collections():
        before = _there()
        statuses |= {gateway.ask(path, body, key=key).status for _ in range(TIMES)}
        assert {} == _more_than(before)
    assert status in statuses


def test_a_client_that_has_left_is_gone(gateway):
    """Also where its call was being watched for that, and a server asked."""
    _, key = gateway.new_key()
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    with _no_collections():
        before = _there()
        for _ in range(TIMES):
            connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
            connection.request("POST", CHATS, json.dumps({**CHAT, "model": "slow"}), headers)
            time.sleep(0.06)  # so long a call is not watched
            connection.close()
        assert {} == _more_than(before)


class _no_collections:  # noqa: N801 - reads as what it is
    """Keeps the collector from hiding what it would free."""

    def __enter__(self):
        gc.collect()
        gc.disable()

    def __exit__(self, *_):
        gc.enable()


def _there():
    return Counter(type(one).__name__ for one in gc.get_objects() if isinstance(one, _CALLS))


_CALLS = Exchange | Case | Call | Event | Streaming | Connection


def _more_than(before):
    """Returns what is there beyond that, once the store has written what it was told."""
    ends_s = time.monotonic() + 5
    while (more := _there() - before) and time.monotonic() < ends_s:
        time.sleep(0.05)
    return more
