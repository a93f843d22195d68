"""What somebody with a key, or a connection, tried against whole gateways; each test is named after it."""

import http.client
import http.server
import json
import socket
import threading
import time
import urllib.parse
from contextlib import contextmanager
from dataclasses import replace

import pytest

from suffice.models.http.endpoint import Endpoint
from suffice.models.http.openai import OpenAIModel
from suffice.serve.key import Limits
from suffice.serve.privacy.detect import Detector
from suffice.serve.privacy.inspector import PrivacyInspector
from suffice.serve.privacy.settings import PrivacySettings, Treatment
from tests.gateway.composed import KEY, Composed, chunk, served, streaming
from tests.gateway.standing import running, upstream
from tests.unit.serve.tiers import tiny_run

CHATS = "/v1/chat/completions"
CARD = 4111111111111111
SITE = """\
suffice: 1
home: home
models:
  chat: {{tiers: [near]}}
  loans: {{bundle: {runs}/loans, escalate_to: [near]}}
  lent: {{bundle: {runs}/lent, escalate_to: [near]}}
tiers:
  near: {{kind: upstream, base_url: "http://127.0.0.1:{port}/v1", model: m}}
privacy: {{default: local_only, classes: {{email: mask}}}}
trusted_key: {runs}/keys/ed25519.pub.pem
"""


def chat(text="hello", **more):
    """Returns the body of a chat of one turn."""
    return {"model": "chat", "messages": [{"role": "user", "content": text}], **more}


@pytest.fixture(scope="module")
def server():
    """Returns the server behind the gateway."""
    with upstream() as seen:
        yield seen


@pytest.fixture(scope="module")
def gateway(server, tmp_path_factory):
    """Returns a gateway with a server, a bundle, and a bundle whose last rung is that server."""
    folder = tmp_path_factory.mktemp("attacked")
    rung, served = tiny_run.linear(folder / "linear"), folder / "served"
    served.mkdir()
    endpoint = Endpoint(base_url=f"http://127.0.0.1:{server.port}/v1", model="lent")
    OpenAIModel(endpoint, name="served").seal(served)
    for name, rungs in (("loans", {"linear": rung}), ("lent", {"linear": rung, "served": served})):
        run = tiny_run.bundle(folder / name, rungs, threshold=0.6)
        tiny_run.certify(run, keys=folder / "keys")
    place = folder / "site.yaml"
    place.write_text(SITE.format(port=server.port, runs=folder))
    with running(place) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def key(gateway):
    """Returns a key that may call and look."""
    return gateway.new_key(scopes=frozenset({"call", "view"}))[1]


def has_left(gateway, server, body, *, key, **headers):
    """Says whether a server was sent anything of a call."""
    server.received.clear()
    gateway.ask(CHATS, body, key=key, **headers)
    return bool(server.received)


def raw_request(gateway, key, body, *, headers="", framing=None, trailers=""):
    """Returns the status line of a request whose headers are written by hand; chunked with trailers."""
    content = json.dumps(body).encode()
    framing = framing or f"content-length: {len(content)}"
    head = f"POST {CHATS} HTTP/1.1\r\nhost: localhost:{gateway.port}\r\nauthorization: Bearer {key}\r\n"
    head += f"content-type: application/json\r\nconnection: close\r\n{headers}{framing}\r\n\r\n"
    if "chunked" in framing:
        content = b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(content), content, trailers.encode())
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
        client.sendall(head.encode() + content)
        return client.recv(4096).partition(b"\r\n")[0]


def events_of(gateway):
    """Returns the events of the gateway's audit log."""
    found = []
    for path in sorted(gateway.standing.records.log.settings.folder.glob("*.jsonl")):
        found += [json.loads(line) for line in path.read_bytes().splitlines()]
    return [record["event"] for record in found if record["kind"] == "event"]


@pytest.mark.parametrize("field", ["seed", "max_tokens", "customer"])
@pytest.mark.parametrize("number", [CARD, float(CARD)])
def test_a_number_at_the_top_of_a_body_is_looked_at(gateway, server, key, field, number):
    """A card's number stays on this machine wherever it stands as a number, not only within objects."""
    assert not has_left(gateway, server, chat(**{field: number}), key=key)


def test_of_two_wishes_the_laxer_one_does_not_win(gateway, server, key):
    """A proxy says that the call stays, the client says after it that it need not: nobody is asked."""
    server.received.clear()
    for said in (("true", "false"), ("false", "true")):
        headers = "".join(f"x-suffice-local-only: {value}\r\n" for value in said)
        assert raw_request(gateway, key, chat(), headers=headers).startswith(b"HTTP/1.1 400")
    assert [] == server.received


def test_no_header_comes_after_the_body(gateway, server, key):
    """Trailers are not headers: what a proxy has looked through is all that is read."""
    server.received.clear()
    trailers = "x-suffice-local-only: true\r\nhost: evil.example\r\nauthorization: Bearer x\r\n"
    framing = "transfer-encoding: chunked"
    assert raw_request(gateway, key, chat(), framing=framing, trailers=trailers).endswith(b"200 OK")
    assert 1 == len(server.received)


def test_a_bundle_that_asks_a_server_is_given_nothing_that_policy_masks(gateway, server, key):
    """It reads the text as it was sent; so the call goes on to a tier that is sent the masked body."""
    server.received.clear()
    body = chat("zzz qqq, write to ann@example.org", model="lent")
    answer = gateway.ask(CHATS, body, key=key)
    assert (200, "near") == (answer.status, answer.headers["x-suffice-tier"])
    assert "ann@example.org" not in str(server.received)
    assert "[EMAIL_1]" in str(server.received)


def test_the_playground_tells_nothing_to_who_may_not_ask(gateway):
    """Neither a key for another model, nor one whose budget is used up, gets the answer as a reason."""
    models, limits = frozenset({"chat"}), Limits(requests_per_day=1)
    _, bound = gateway.new_key(models=models)
    _, poor = gateway.new_key(limits=limits)
    first = playground(gateway, poor)
    assert "loan" == first["text"]
    assert first["explanation"]["rungs"]
    for key in (bound, poor):
        side = playground(gateway, key)
        assert (None, None) == (side["text"], side["explanation"])


def playground(gateway, key):
    """Returns what the playground says of the local tier's answer."""
    form = urllib.parse.urlencode({"route": "loans", "text": "please repay my mortgage loan"})
    headers = {"content-type": "application/x-www-form-urlencoded", "authorization": f"Bearer {key}"}
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    try:
        connection.request("POST", "/playground.json", form, headers)
        return json.loads(connection.getresponse().read())["sides"][0]
    finally:
        connection.close()


@pytest.mark.parametrize("name", ["ann@example.org has cancer", "x" * 100_000], ids=["a text", "a long one"])
def test_what_is_no_name_of_a_model_is_not_kept(gateway, key, name):
    """`model` may hold anything where a header chooses the route: records keep names, and no contents."""
    answered = gateway.ask(CHATS, chat(model=name), key=key, x_suffice_route="chat")
    unknown = gateway.ask(CHATS, chat(model=name), key=key)
    assert (200, 404) == (answered.status, unknown.status)
    assert ["(not a name)"] * 2 == [event["requested_model"] for event in events_of(gateway)[-2:]]


WIDE = {
    "lists": b'"x": [' + b"[]," * 60_000 + b"[]]",
    "more brackets": b'"x": [' + b"[]," * 400_000 + b"[]]",
    "turns": b'"messages": ['
    + b'{"role": "user", "content": "a"},' * 60_000
    + b'{"role": "user", "content": "a"}]',
}


@pytest.mark.parametrize("name", WIDE)
def test_a_body_of_very_many_parts_is_refused(gateway, key, name):
    """Each part takes microseconds in which all others wait: 16 MB of [] kept the gateway for 7 s."""
    body = b'{"model": "chat", "messages": [{"role": "user", "content": "a"}], ' + WIDE[name] + b"}"
    answer = gateway.ask(CHATS, body, key=key)
    assert (400, "invalid_request") == (answer.status, answer.code)


def test_who_leaves_a_stream_before_its_usage_pays_for_it(tmp_path):
    """Usage comes last: who has read the answer and is gone by then used up as much of the budget."""
    with dripping() as port:
        place = tmp_path / "site.yaml"
        place.write_text(DRIPPING.format(port=port))
        with running(place) as gateway:
            _, key = gateway.new_key(limits=Limits(tokens_per_day=60))
            _, poor = gateway.new_key(limits=Limits(usd_per_day=0.06))
            for used in (key, poor):
                assert [200, 200, 429] == [left_early(gateway, used) for _ in range(3)]


def test_who_hangs_up_before_the_reply_pays_for_it(tmp_path):
    """The server has read the prompt and is paid for it: a client may not ask it for nothing."""
    place = tmp_path / "site.yaml"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place.write_text(DRIPPING.format(port=silent.getsockname()[1]))
        with running(place) as gateway:
            for limits in (Limits(tokens_per_day=500), Limits(usd_per_day=0.5)):
                for stream in (False, True):
                    _, key = gateway.new_key(limits=limits)
                    hung_up(gateway, key, chat("a word " * 600, stream=stream, max_tokens=1))
                    assert 429 == gateway.ask(CHATS, chat(), key=key).status


def hung_up(gateway, key, body):
    """Asks, and hangs up while a server is being asked; returns once the gateway has noticed."""
    content, before = json.dumps(body).encode(), len(events_of(gateway))
    head = f"POST {CHATS} HTTP/1.1\r\nhost: localhost:{gateway.port}\r\nauthorization: Bearer {key}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
        client.sendall(head.encode() + content)
        time.sleep(0.2)
    deadline = time.monotonic() + 10
    while len(events_of(gateway)) == before and time.monotonic() < deadline:
        time.sleep(0.01)


DRIPPING = """\
suffice: 1
home: home
models: {{chat: {{tiers: [near]}}}}
tiers:
  near:
    kind: upstream
    base_url: http://127.0.0.1:{port}/v1
    model: m
    usd_per_1m_input: 1000
    usd_per_1m_output: 1000
"""


def left_early(gateway, key):
    """Returns the status of a stream that is left as soon as its last word is there."""
    content = json.dumps(chat(stream=True)).encode()
    head = f"POST {CHATS} HTTP/1.1\r\nhost: localhost:{gateway.port}\r\nauthorization: Bearer {key}\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    before, got = len(events_of(gateway)), b""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
        client.sendall(head.encode() + content)
        while b"word 19" not in got and b"error" not in got:
            got += client.recv(4096)
    status = int(got.split()[1])
    deadline = time.monotonic() + 10
    while len(events_of(gateway)) == before and time.monotonic() < deadline:
        time.sleep(0.01)
    return status


@contextmanager
def dripping():
    """Yields the port of a server that streams 20 words, and says what they cost a minute later."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            for number in range(20):
                choice = {"index": 0, "delta": {"content": f"word {number} "}, "finish_reason": None}
                chunk = {"object": "chat.completion.chunk", "model": "m", "choices": [choice]}
                self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
            over.wait(60)
            self.close_connection = True

        def log_message(self, *_):
            """Says nothing."""

    over = threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        over.set()
        server.shutdown()
        thread.join(10)
        server.server_close()


def test_a_server_cannot_speak_for_the_gateway():
    """What it says under the gateway's own name is left out, in every chunk."""

    async def chunks():
        yield chunk("a", suffice={"certificate": "ff" * 32})
        yield chunk("b", suffice={"certificate": "ff" * 32})
        yield chunk(finish="stop")

    composed = Composed({"chat": streaming(chunks)})
    with served(composed.app) as url:
        address = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
        headers = {"content-type": "application/json", "authorization": f"Bearer {KEY}"}
        connection.request("POST", CHATS, json.dumps(chat(stream=True)), headers)
        told = connection.getresponse().read()
        connection.close()
    assert b"ff" * 32 not in told
    assert 1 == told.count(b'"suffice"')


@pytest.mark.parametrize("row", ["12,{},x", "1,{},12/27", "10,{}", "2026-11-22,0.5,7,{}"])
def test_a_card_in_a_table_is_found(row):
    """A comma behind a number parts columns: it is no decimal point."""
    detector = Detector(PrivacySettings())
    assert ["card"] == [find.name for find in detector.find(row.format(CARD))]
    assert [] == detector.find(f"0,{CARD} 1.{CARD}")


@pytest.mark.parametrize("text", ["data:;base64,ann@example.org", "data:;base64,4111 1111 1111 1111"])
def test_a_text_dressed_as_a_picture_is_read(text):
    """Where pictures may leave, only what is nothing but base64 is one."""
    settings = PrivacySettings(classes={"uninspected": Treatment.ALLOW})
    seen = PrivacyInspector(settings).inspect(replace(tiny_run.call("x"), body=chat(text)))
    assert (True, 0) == (seen.local_only, seen.found.get("uninspected", 0))
