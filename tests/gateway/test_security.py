"""The composed gateway over real HTTP: who is let in, what is refused, and what no request can do."""

import asyncio
import socket
import time

import pytest

from suffice.serve.key import Limits
from suffice.serve.store.opened import open_store
from tests.gateway.standing import CHAT, SkippingClock, running, upstream

COMPLETIONS = "/v1/chat/completions"
SITE = """\
suffice: 1
home: home
models: {{chat: {{tiers: [near]}}, other: {{tiers: [near]}}, ask: {{tiers: [people]}}}}
tiers:
  near:
    kind: upstream
    base_url: http://127.0.0.1:{port}/v1
    model: m
    usd_per_1m_input: 1000
    usd_per_1m_output: 1000
  people: {{kind: human}}
privacy: {{default: allow}}
limits: {{body_bytes: 100000, slow_header_s: {patience_s}, slow_body_s: {patience_s}}}
hosts: [gateway.example.com]
"""


def site_file(folder, port, *, patience_s=30):
    """Returns the path of a site with one server and people."""
    path = folder / "site.yaml"
    path.write_text(SITE.format(port=port, patience_s=patience_s))
    return path


@pytest.fixture(scope="module")
def server():
    """Returns the server behind the gateway."""
    with upstream() as seen:
        yield seen


@pytest.fixture(scope="module")
def gateway(server, tmp_path_factory):
    """Returns a running gateway."""
    with running(site_file(tmp_path_factory.mktemp("site"), server.port)) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def impatient(server, tmp_path_factory):
    """Returns a running gateway that waits 0.3 s for headers, and for a body."""
    place = site_file(tmp_path_factory.mktemp("impatient"), server.port, patience_s=0.3)
    with running(place) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def key(gateway):
    """Returns a key that may call."""
    return gateway.new_key()[1]


def test_a_key_is_needed_for_everything_but_health(gateway, key):
    """401 in OpenAI's shape, with the request's id; the right key is let in."""
    for path, body in ((COMPLETIONS, CHAT), ("/v1/models", None), ("/v1/feedback", {}), ("/metrics", None)):
        answer = gateway.ask(path, body)
        assert (401, "invalid_api_key") == (answer.status, answer.code), path
        assert answer.headers["x-request-id"]
    assert 200 == gateway.ask("/health").status
    answer = gateway.ask(COMPLETIONS, CHAT, key=key)
    assert (200, "billing") == (answer.status, answer.body["choices"][0]["message"]["content"])


HOSTILE = [
    "' OR '1'='1",
    "'; DROP TABLE keys; --",
    "x' UNION SELECT id, secret_sha256 FROM keys --",
    "sk-sf-aaaaaaaaaaaaaaaa-" + "'" * 43,
    "sk-sf-aaaaaaaaaaaaaaaa-" + "a" * 43,
    "sk-sf-" + "a" * 5000,
    "sk-sf-%00-%27",
    "{{7*7}}",
    "../../etc/passwd",
]


@pytest.mark.parametrize("token", HOSTILE, ids=range(len(HOSTILE)))
def test_litellm_cve_2026_42208_hostile_bearers_are_just_wrong_keys(gateway, key, token):
    """Over the wire and with the real store: 401, no word of it in the answer, the keys are still there."""
    answer = gateway.ask(COMPLETIONS, CHAT, key=token)
    assert (401, "invalid_api_key") == (answer.status, answer.code)
    assert token not in str(answer.body)
    assert 200 == gateway.ask("/v1/models", key=key).status


def test_litellm_cve_2026_49468_the_host_header_opens_nothing(gateway, key):
    """A foreign name gets 421, with a right key too, on every path; a listed one is let in."""
    for path in ("/v1/models", "/health", "/metrics", "/", "/log-in", "/nothing"):
        answer = gateway.ask(path, key=key, host="evil.example:8321")
        assert (421, "unknown_host") == (answer.status, answer.code), path
    assert 200 == gateway.ask("/v1/models", key=key, host="gateway.example.com").status


def test_no_page_of_the_web_can_ask(gateway, key):
    """An Origin is 403, a preflight too, and no answer ever has a CORS header (OpenTracy, TRACER)."""
    answers = [
        gateway.ask(COMPLETIONS, CHAT, key=key, origin="https://evil.example"),
        gateway.ask(COMPLETIONS, CHAT, key=key, origin="null"),
        gateway.ask(
            COMPLETIONS,
            method="OPTIONS",
            origin="https://evil.example",
            access_control_request_method="POST",
            access_control_request_headers="authorization",
        ),
    ]
    assert [(403, "origin_refused")] * 3 == [(answer.status, answer.code) for answer in answers]
    answers.append(gateway.ask(COMPLETIONS, CHAT, key=key))
    assert not any(name.startswith("access-control") for answer in answers for name in answer.headers)


def test_every_response_has_the_headers_of_safety(gateway, key):
    """An answer, each kind of refusal, a page."""
    for answer in (
        gateway.ask(COMPLETIONS, CHAT, key=key),
        gateway.ask(COMPLETIONS, CHAT),
        gateway.ask("/nothing"),
        gateway.ask("/health"),
        gateway.ask("/"),
        gateway.ask("/health", host="evil"),
    ):
        assert "nosniff" == answer.headers["x-content-type-options"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] in {"no-referrer", "same-origin"}


def test_internal_headers_of_clients_lead_nowhere(gateway, server, key):
    """They change no answer and reach no server; nor does the client's key."""
    server.received.clear()
    answer = gateway.ask(
        COMPLETIONS,
        CHAT,
        key=key,
        x_suffice_tier="people",
        x_suffice_caller="admin",
        x_forwarded_for="10.0.0.1",
        x_forwarded_host="evil.example",
        forwarded="for=10.0.0.1",
        cookie="session=1",
    )
    assert (200, "near") == (answer.status, answer.headers["x-suffice-tier"])
    ((sent, _),) = server.received
    assert not {"x-suffice-caller", "x-forwarded-for", "forwarded", "cookie", "authorization"} & set(sent)
    assert key not in str(sent)


def test_users_text_chooses_neither_server_nor_template(gateway, server, key):
    """Fields that name servers and templates (SSRF by `api_base`, SSTI) are data; nothing else is asked."""
    server.received.clear()
    body = CHAT | {
        "messages": [{"role": "user", "content": "{{7*7}} ${7*7} {% include '/etc/passwd' %}"}],
        "suffice_tier": "people",
    }
    answer = gateway.ask(COMPLETIONS, body, key=key)
    assert 200 == answer.status
    ((_, sent),) = server.received
    assert body["messages"] == sent["messages"]
    for field in ("api_base", "base_url"):
        refused = gateway.ask(COMPLETIONS, CHAT | {field: "http://169.254.169.254/v1"}, key=key)
        assert refused.status in {200, 400}
    assert all("169.254" not in sent.get("host", "") for sent, _ in server.received)


def test_budgets_say_when_to_come_again_and_survive_a_restart(server, tmp_path):
    """429 with Retry-After; the minute opens after it, the day only at midnight, also for a new process."""
    place = site_file(tmp_path, server.port)
    clock = SkippingClock()
    limits = Limits(requests_per_minute=2, requests_per_day=3)
    with running(place, clock=clock) as gateway:
        _, key = gateway.new_key(limits=limits)
        _, dear = gateway.new_key(limits=Limits(usd_per_day=0.05))
        assert [200, 200, 429] == [gateway.ask(COMPLETIONS, CHAT, key=key).status for _ in range(3)]
        answer = gateway.ask(COMPLETIONS, CHAT, key=key)
        wait_s = int(answer.headers["retry-after"])
        assert ("rate_limit_exceeded", True) == (answer.code, 1 <= wait_s <= 61)
        clock.skipped_s += wait_s
        assert [200, 429] == [gateway.ask(COMPLETIONS, CHAT, key=key).status for _ in range(2)]
        assert [200, 429] == [gateway.ask(COMPLETIONS, CHAT, key=dear).status for _ in range(2)]
    with running(place, clock=clock) as gateway:
        for used_up in (key, dear):
            answer = gateway.ask(COMPLETIONS, CHAT, key=used_up)
            assert (429, "budget_exceeded") == (answer.status, answer.code)
        clock.skipped_s += int(answer.headers["retry-after"]) + 1
        assert 200 == gateway.ask(COMPLETIONS, CHAT, key=key).status


def test_a_revoked_key_is_refused(gateway):
    """At once where this gateway revoked it; after 5 seconds where another process did."""
    here, first = gateway.new_key()
    elsewhere, second = gateway.new_key()
    assert [200, 200] == [gateway.ask("/v1/models", key=key).status for key in (first, second)]
    gateway.do(gateway.standing.door.revoke(here))
    assert 401 == gateway.ask("/v1/models", key=first).status
    with open_store(gateway.standing.records.site.store, gateway.clock) as another_process:
        assert asyncio.run(another_process.keys.revoke(elsewhere, at=gateway.clock.now()))
    gateway.clock.skipped_s += 5
    assert 401 == gateway.ask("/v1/models", key=second).status


def test_keys_are_bound_to_scopes_and_models(gateway):
    """403 names what is missing."""
    _, bound = gateway.new_key(models=frozenset({"other"}))
    _, mute = gateway.new_key(scopes=frozenset({"feedback"}))
    assert 200 == gateway.ask(COMPLETIONS, CHAT | {"model": "other"}, key=bound).status
    answer = gateway.ask(COMPLETIONS, CHAT, key=bound)
    assert (403, "model_not_allowed") == (answer.status, answer.code)
    answer = gateway.ask(COMPLETIONS, CHAT, key=mute)
    assert (403, "scope_missing") == (answer.status, answer.code)
    assert 403 == gateway.ask("/metrics", key=bound).status


def test_no_key_reaches_what_another_asked(gateway, key):
    """Feedback on another key's call is 404, as if there were no such call."""
    _, stranger = gateway.new_key(scopes=frozenset({"call", "feedback"}))
    asked = gateway.ask(COMPLETIONS, CHAT, key=key).headers["x-request-id"]
    judgement = {"request_id": asked, "correct": False, "label": "refund"}
    answer = gateway.ask("/v1/feedback", judgement, key=stranger)
    assert 404 == answer.status, answer.body


def test_a_body_that_is_too_large_is_refused(gateway, key):
    """413, whether its length is told or not."""
    large = b'{"model": "chat", "x": "' + b"a" * 100_000 + b'"}'
    assert (413, "too_large") == ((answer := gateway.ask(COMPLETIONS, large, key=key)).status, answer.code)
    head = f"POST {COMPLETIONS} HTTP/1.1\r\nhost: localhost:{gateway.port}\r\nauthorization: Bearer {key}\r\n"
    head += "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
        client.sendall(head.encode())
        for _ in range(12):
            client.sendall(b"2710\r\n" + b"a" * 10_000 + b"\r\n")
        assert b" 413 " in client.recv(4096)


@pytest.mark.parametrize("sent", [b"", b"GET /health HTTP/1.1\r\nhost: local"])
def test_slowloris_headers_that_do_not_come_close_the_connection(impatient, sent):
    """Whether nothing was sent or a part; the others are served meanwhile."""
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=10) as client:
        client.sendall(sent)
        assert 200 == impatient.ask("/health").status
        assert b"" == client.recv(4096)
    assert time.monotonic() - begun < 5


def test_slowloris_a_body_that_does_not_come_is_408(impatient):
    """After the site's time, and the connection is closed."""
    _, key = impatient.new_key()
    head = (
        f"POST {COMPLETIONS} HTTP/1.1\r\nhost: localhost:{impatient.port}\r\nauthorization: Bearer {key}\r\n"
    )
    head += "content-type: application/json\r\ncontent-length: 100\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=10) as client:
        client.sendall(head.encode())
        answer = client.recv(4096)
        assert b" 408 " in answer
        assert b"request_timeout" in answer


def test_two_keys_or_two_hosts_in_one_request_are_refused(gateway, key):
    """What two parties could read in two ways is read by nobody."""
    for doubled in (f"authorization: Bearer {key}", "host: evil.example"):
        head = f"GET /v1/models HTTP/1.1\r\nhost: localhost:{gateway.port}\r\n"
        head += f"authorization: Bearer {key}\r\n{doubled}\r\nconnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
            client.sendall(head.encode())
            assert b" 400 " in client.recv(4096)
