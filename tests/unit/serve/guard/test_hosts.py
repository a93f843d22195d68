"""Host, origin, internal headers: refused or stripped before any path; safety on every response."""

import asyncio
import json

import pytest

from suffice.serve.guard.hosts import HostGuard, allowed_hosts


class Seen:
    """An application that remembers the scope it got, and answers with some headers."""

    def __init__(self, *headers) -> None:
        self.scope = None
        self.headers = list(headers)

    async def __call__(self, scope, _receive, send):
        """Answers."""
        self.scope = scope
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"ok"})


def asked(*headers, app=None, path="/v1/models", method="GET", **about):
    """Returns status, headers and body of the answer to a request with these headers."""
    app = app or Seen()
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b""}

    settings = {"listens_on": "127.0.0.1", "port": 8321} | about
    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    asyncio.run(HostGuard(app, **settings)(scope, receive, send))
    start, body = sent
    return start["status"], dict(start["headers"]), body["body"]


HERE = (b"host", b"127.0.0.1:8321")


@pytest.mark.parametrize("host", [b"127.0.0.1:8321", b"localhost:8321", b"LOCALHOST:8321", b"[::1]:8321"])
def test_the_names_of_this_machine_are_let_in(host):
    """In any case of letters."""
    assert 200 == asked((b"host", host))[0]


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example:8321",
        b"127.0.0.1",
        b"127.0.0.1:80",
        b"localhost.evil.example:8321",
        b"localhost.:8321",
        b"evil.example@localhost:8321",
        b"localhost:8321@evil.example",
        b"localhost:8321, evil.example",
        b"192.168.1.5:8321",
        b"",
        b"\xff\xfe:8321",
    ],
)
def test_litellm_cve_2026_49468_a_name_led_here_is_refused(host):
    """DNS rebinding and Host tricks: what is not exactly a name of this gateway gets 421 and no answer."""
    app = Seen()
    status, headers, body = asked((b"host", host), app=app)
    assert (421, "unknown_host") == (status, json.loads(body)["error"]["code"])
    assert headers[b"x-request-id"].startswith(b"req_")
    assert app.scope is None


def test_the_host_must_be_there_and_once():
    """None is 400, two are 400, whichever comes first; so are two keys."""
    assert 400 == asked()[0]
    assert 400 == asked(HERE, (b"host", b"evil.example:8321"))[0]
    assert 400 == asked(HERE, (b"authorization", b"a"), (b"authorization", b"b"))[0]


def test_the_sites_names_are_let_in():
    """With this port, and bare for a proxy on the usual ports; a port that is given counts alone."""
    hosts = ("gw.example.com", "other.example.com:444")
    for host in (b"gw.example.com", b"gw.example.com:8321", b"other.example.com:444"):
        assert 200 == asked((b"host", host), hosts=hosts)[0]
    for host in (b"gw.example.com:1", b"other.example.com", b"other.example.com:8321"):
        assert 421 == asked((b"host", host), hosts=hosts)[0]


def test_on_every_address_each_literal_one_is_a_good_host():
    """No name can be led to a literal address; names still have to be listed."""
    for host in (b"192.168.1.5:8321", b"[fd00::1]:8321"):
        assert 200 == asked((b"host", host), listens_on="0.0.0.0")[0]  # noqa: S104 - what is tested
    for host in (b"192.168.1.5:80", b"evil.example:8321", b"192.168.1.5.evil.example:8321"):
        assert 421 == asked((b"host", host), listens_on="0.0.0.0")[0]  # noqa: S104 - as above


def test_port_80_and_six():
    """On port 80 clients leave the port out; an IPv6 address stands in brackets."""
    assert b"localhost" in allowed_hosts("127.0.0.1", 80)
    assert b"[fd00::1]:9" in allowed_hosts("fd00::1", 9)
    assert b"xn--bcher-kva.example:9" in allowed_hosts("127.0.0.1", 9, ["bücher.example"])


@pytest.mark.parametrize("origin", [b"https://evil.example", b"null", b"http://127.0.0.1:8321", b"file://"])
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_no_page_asks_the_api(origin, method):
    """Not even one of the gateway's own; a preflight is a plain 403 without any CORS header."""
    app = Seen()
    status, headers, body = asked(HERE, (b"origin", origin), app=app, method=method)
    assert (403, "origin_refused") == (status, json.loads(body)["error"]["code"])
    assert app.scope is None
    assert not any(name.startswith(b"access-control") for name in headers)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(b"origin", b"http://127.0.0.1:8321")], 200),
        ([(b"origin", b"https://127.0.0.1:8321")], 200),
        ([(b"origin", b"http://127.0.0.1:9999")], 403),
        ([(b"origin", b"http://evil.example")], 403),
        ([(b"origin", b"http://127.0.0.1:8321.evil.example")], 403),
        ([(b"origin", b"null")], 403),
        ([(b"origin", b"null"), (b"sec-fetch-site", b"cross-site")], 403),
        ([(b"origin", b"null"), (b"sec-fetch-site", b"same-origin")], 200),
    ],
)
def test_a_page_of_the_gateway_may_send_forms_to_it(headers, status):
    """To paths outside the API; a page elsewhere, or nobody's, may not."""
    assert status == asked(HERE, *headers, path="/login", method="POST")[0]


def test_internal_headers_of_clients_are_stripped():
    """The documented wishes stay, also beside those that are stripped; everything else of the kind goes."""
    app = Seen()
    kept = [
        HERE,
        (b"x-suffice-route", b"a"),
        (b"x-suffice-local-only", b"true"),
        (b"x-suffice-escalate-below", b"0.9"),
        (b"x-suffice-skip-to", b"big"),
        (b"x-request-id", b"1"),
        (b"x-stainless-lang", b"python"),
        (b"from", b"me"),
    ]
    gone = [
        (b"x-suffice-tier", b"big"),
        (b"x-suffice-caller", b"admin"),
        (b"x-suffice", b"1"),
        (b"forwarded", b"for=127.0.0.1"),
        (b"x-forwarded-for", b"127.0.0.1"),
        (b"x-forwarded-host", b"evil.example"),
        (b"x-real-ip", b"127.0.0.1"),
        (b"x-original-url", b"/admin"),
    ]
    assert 200 == asked(*gone, *kept, app=app)[0]
    assert kept == app.scope["headers"]


def test_every_response_has_the_headers_of_safety():
    """Also a refusal; what the application says itself goes before, CORS headers never leave."""
    wanted = {
        b"x-content-type-options": b"nosniff",
        b"referrer-policy": b"no-referrer",
        b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
        b"cache-control": b"no-store",
    }
    for headers in (asked(HERE)[1], asked((b"host", b"evil"))[1]):
        assert wanted == {name: headers[name] for name in wanted}
    own = Seen((b"Content-Security-Policy", b"default-src 'self'"), (b"access-control-allow-origin", b"*"))
    _, headers, _ = asked(HERE, app=own)
    assert b"content-security-policy" not in headers
    assert b"default-src 'self'" == headers[b"Content-Security-Policy"]
    assert b"access-control-allow-origin" not in headers


def test_what_is_not_http_is_passed_on():
    """Lifespan messages have no headers."""
    app = Seen()

    async def send(_message):
        pass

    asyncio.run(HostGuard(app, listens_on="127.0.0.1", port=1)({"type": "lifespan"}, None, send))
    assert {"type": "lifespan"} == app.scope
