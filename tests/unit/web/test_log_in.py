"""Logging in with a key: the cookie, its end, forms from elsewhere, and guessing."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from suffice.clock import FakeClock
from suffice.serve.errors import LimitReached
from suffice.web.attempts import FREE, HELD_S, MOST_HELD, WINDOW_S, Attempts
from suffice.web.pages import app_of
from suffice.web.sessions import COOKIE, LIFETIME_S, Sessions
from tests.unit.web.made_up import HOST, NOW, made, own_page, ticket, token_of


class MovingClock(FakeClock):
    """A clock that a test moves by hand."""

    def __init__(self):
        super().__init__(NOW)
        self.passed_s = 0.0

    def now(self):
        """Returns the start and what passed."""
        return NOW + timedelta(seconds=self.passed_s)

    def elapsed_s(self):
        """Returns what passed."""
        return self.passed_s


def test_a_key_opens_the_pages():
    """A right key leads to the page that was asked for, with a cookie no script and no other site can use."""
    site = made()
    asked = site.client.get("/requests?tier=small")
    assert (303, "/login?next=/requests%3Ftier%3Dsmall") == (asked.status_code, asked.headers["location"])
    page = site.client.get(asked.headers["location"])
    form = {"token": token_of(page), "key": "boss"}
    done = site.client.post(asked.headers["location"], data=form, headers=own_page())
    assert (303, "/requests?tier=small") == (done.status_code, done.headers["location"])
    cookie = next(value for value in done.headers.get_list("set-cookie") if value.startswith(COOKIE))
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()
    assert 200 == site.client.get("/requests?tier=small").status_code


def test_over_tls_the_cookie_never_goes_in_the_clear():
    """Behind https the cookie is marked Secure."""
    site = made()
    site.client.base_url = HOST.replace("http:", "https:")
    assert "secure" in site.log_in().headers["set-cookie"].lower()


def test_behind_a_proxy_with_tls_the_cookie_never_goes_in_the_clear():
    """The proxy speaks http to the gateway: the site file says what browsers speak."""
    for is_behind_tls in (True, False):
        client = TestClient(app_of(replace(made().pages, is_behind_tls=is_behind_tls)), base_url=HOST)
        cookie = client.get("/login").headers["set-cookie"].lower()
        assert is_behind_tls == ("; secure" in cookie)


def test_the_cookie_holds_no_secret_of_the_key():
    """What was typed is nowhere in the cookie."""
    site = made()
    site.keys.keys["sk-sf-k9-verysecret"] = replace(site.keys.keys["k1"])
    done = site.log_in("sk-sf-k9-verysecret")
    assert 303 == done.status_code
    assert "verysecret" not in str(done.headers)


@pytest.mark.parametrize("wrong", ["", "nobody", "gone", "sk-sf-\x00", "boss'--"])
def test_a_wrong_or_revoked_key_opens_nothing(wrong):
    """The form comes back with what is wrong, without what was typed, and sets no session."""
    site = made()
    refused = site.log_in(wrong)
    assert 401 == refused.status_code
    assert COOKIE not in str(refused.headers)
    assert 'role="alert"' in refused.text
    assert not wrong or wrong not in refused.text
    assert 303 == site.client.get("/overview").status_code


def test_a_key_that_may_see_no_page_is_told_so():
    """A key with other scopes is refused with the scope it would need."""
    refused = made().log_in("sender")
    assert (403, True) == (refused.status_code, "--scope view" in refused.text)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("//evil.example/x", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/requests\r\nset-cookie: a=b", "/"),
        ("/served", "/served"),
    ],
)
def test_a_log_in_never_leads_to_another_site(target, expected):
    """Only a path of this gateway is gone to; everything else leads to its first page."""
    site = made()
    page = site.client.get("/login")
    form = {"token": token_of(page), "key": "boss"}
    done = site.client.post("/login", params={"next": target}, data=form, headers=own_page())
    assert expected == done.headers["location"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": HOST, "sec-fetch-site": "cross-site"},
        {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_log_in_from_another_page_is_refused(headers):
    """With the right key and token too: nobody can be logged in as somebody else."""
    site = made()
    form = {"token": token_of(site.client.get("/login")), "key": "boss"}
    refused = site.client.post("/login", data=form, headers=headers)
    assert (403, False) == (refused.status_code, COOKIE in str(refused.headers))


def test_a_log_in_form_of_another_visit_is_refused():
    """A token that an attacker fetched does not fit the victim's visit."""
    site, attacker = made(), made()
    token = token_of(attacker.client.get("/login"))
    site.client.get("/login")
    refused = site.client.post("/login", data={"token": token, "key": "boss"}, headers=own_page())
    assert 403 == refused.status_code


def test_who_guesses_keys_waits_and_the_owner_does_not():
    """Beyond some wrong keys a minute, each is answered late, as one too many; the right one never is."""
    clock, pauses = MovingClock(), []
    site = guessed(clock, pauses)
    assert [401] * FREE == [site.log_in("guess").status_code for _ in range(FREE)]
    refused = site.log_in("guess")
    assert (429, "60", [HELD_S]) == (refused.status_code, refused.headers["retry-after"], pauses)
    assert (303, [HELD_S]) == (site.log_in("boss").status_code, pauses)
    clock.passed_s = WINDOW_S
    assert 401 == site.log_in("guess").status_code


def test_who_guesses_one_key_from_many_addresses_waits():
    """Wrong secrets of one public id are counted together, wherever they come from."""
    pauses = []
    attempts = Attempts(MovingClock(), sleep=noted(pauses))

    async def guess(number):
        try:
            await attempts.failed(f"10.0.0.{number}", "abcdefghijklmnop")
        except LimitReached:
            return 429
        return 401

    assert [401] * FREE + [429] * 3 == [asyncio.run(guess(number)) for number in range(FREE + 3)]
    assert [HELD_S] * 3 == pauses


def test_what_is_remembered_and_held_of_guesses_is_bounded():
    """Of so many sources the newest are remembered; so many answers wait at most, the rest come at once."""

    async def asked():
        waiting, go_on = [], asyncio.Event()

        async def sleep(_):
            waiting.append(1)
            await go_on.wait()

        attempts = Attempts(MovingClock(), sleep=sleep)
        for number in range(30_000):
            await attempts.failed(f"a{number}")
        for _ in range(FREE):
            await attempts.failed("b")
        guesses = [asyncio.create_task(attempts.failed("b")) for _ in range(2 * MOST_HELD)]
        await asyncio.sleep(0.01)
        done = sum(guess.done() for guess in guesses)
        go_on.set()
        ends = await asyncio.gather(*guesses, return_exceptions=True)
        assert all(isinstance(end, LimitReached) for end in ends)
        return len(attempts._failed), len(waiting), done

    assert (10_000, MOST_HELD, MOST_HELD) == asyncio.run(asked())


def guessed(clock, pauses):
    """Returns pages whose log-in notes its pauses."""
    site = made(clock=clock)
    site.pages.attempts._sleep = noted(pauses)
    return site


def noted(pauses):
    """Returns a sleep that takes no time."""

    async def sleep(seconds):
        pauses.append(seconds)

    return sleep


def test_a_revoked_key_ends_its_session_at_once():
    """The next page after the revocation is the log-in, and the cookie is dead for good."""
    site = made()
    site.log_in("k1")
    assert 200 == site.client.get("/overview").status_code
    cookie = site.client.cookies[COOKIE]
    live = site.keys.keys["k1"]
    site.keys.keys["k1"] = replace(live, revoked_at=NOW)
    assert "/login" in site.client.get("/overview").headers["location"]
    site.keys.keys["k1"] = live
    assert 401 == site.client.get("/overview.json", headers={"cookie": f"{COOKIE}={cookie}"}).status_code


def test_scopes_are_those_of_now_not_of_the_log_in():
    """A key that lost a scope loses the page with it."""
    site = made()
    site.log_in("boss")
    assert 200 == site.client.get("/keys").status_code
    site.keys.keys["boss"] = replace(site.keys.keys["boss"], scopes=frozenset({"view"}))
    assert 403 == site.client.get("/keys").status_code


def test_a_session_ends_by_itself():
    """After its lifetime a cookie opens nothing."""
    clock = MovingClock()
    sessions = Sessions(clock=clock)
    cookie, session = sessions.begin("k1")
    assert session == sessions.read(cookie)
    clock.passed_s = LIFETIME_S
    assert sessions.read(cookie) is None


def test_logging_out_kills_copies_of_the_cookie():
    """What was copied before the log-out opens nothing after it."""
    site = made()
    site.log_in()
    cookie = site.client.cookies[COOKIE]
    token = re.search(
        r'action="/logout"><input type="hidden" name="token" value="([^"]+)"', site.client.get("/served").text
    )
    assert 303 == site.client.post("/logout", data={"token": token[1]}, headers=own_page()).status_code
    assert 401 == site.client.get("/overview.json", headers={"cookie": f"{COOKIE}={cookie}"}).status_code


def test_nobody_is_logged_out_by_another_site():
    """A log-out without the session's token, or from elsewhere, leaves the session as it is."""
    site = made()
    site.log_in()
    assert 403 == site.client.post("/logout", data={"token": "x"}, headers=own_page()).status_code
    assert 403 == site.client.post("/logout", headers={"origin": "https://evil.example"}).status_code
    assert 200 == site.client.get("/overview").status_code


@pytest.mark.parametrize(
    "change",
    [lambda c: c[:-2] + "AA", lambda c: "x" + c, lambda c: c.split(".")[0], lambda _: ".", lambda _: "é.é"],
)
def test_a_forged_cookie_is_nobodys(change):
    """A changed payload, a changed or missing signature, rubbish: not logged in."""
    sessions = Sessions(clock=FakeClock(NOW), secret=b"s" * 32)
    cookie, _ = sessions.begin("k1")
    assert sessions.read(change(cookie)) is None


def test_a_cookie_of_another_gateway_is_nobodys():
    """A cookie is only good where it was signed."""
    cookie, _ = Sessions(clock=FakeClock(NOW), secret=b"a" * 32).begin("k1")
    assert Sessions(clock=FakeClock(NOW), secret=b"b" * 32).read(cookie) is None
    assert Sessions(clock=FakeClock(NOW), secret=b"a" * 32).read(cookie) is not None


def test_a_form_token_is_no_session():
    """What signs forms cannot be shown as a session, though one secret signs both."""
    sessions = Sessions(clock=FakeClock(NOW))
    cookie, session = sessions.begin("k1")
    payload = cookie.partition(".")[0]
    assert sessions.read(f"{payload}.{sessions.form_token(session.nonce, 'audit')}") is None
    assert not sessions.is_form_token("", "", "audit")


@pytest.mark.parametrize("path", ["/audit", "/playground", "/review/tkt_01"])
def test_a_form_from_elsewhere_does_nothing(path):
    """Every form is refused without its token, with another form's token, and from another site."""
    site = made(tickets=[ticket()])
    site.log_in()
    own, other = (
        token_of(site.client.get(path)),
        token_of(site.client.get("/audit" if path != "/audit" else "/playground")),
    )
    fields = {"answer": "refund", "text": "hello", "route": "tickets"}
    evil = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    for token, headers in ((own, evil), (other, own_page()), ("", own_page()), (own, {})):
        assert 403 == site.client.post(path, data={**fields, "token": token}, headers=headers).status_code
    assert ([], [], 0) == (site.answers, site.asks, site.pages.audit.verified)
    assert site.client.post(path, data={**fields, "token": own}, headers=own_page()).status_code in {200, 303}


def test_a_form_too_large_is_refused():
    """Nobody fills the memory through a form."""
    site = made()
    site.log_in()
    token = token_of(site.client.get("/playground"))
    form = {"token": token, "route": "tickets", "text": "x" * 300_000}
    assert 413 == site.client.post("/playground", data=form, headers=own_page()).status_code
    body = "&".join(f"a{number}=1" for number in range(400))
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert 400 == site.client.post("/audit", content=body, headers=own_page() | kind).status_code
    assert 415 == site.client.post("/audit", json={}, headers=own_page()).status_code


@pytest.mark.parametrize(
    ("name", "first"),
    [("boss", "/overview"), ("k1", "/overview"), ("reviewer", "/review"), ("caller", "/playground")],
)
def test_a_log_in_leads_to_the_first_page_the_key_may_see(name, first):
    """Nobody is led to a page that is closed to them."""
    site = made()
    assert "/login" == site.client.get("/").headers["location"]
    assert "/" == site.log_in(name).headers["location"]
    landed = site.client.get("/").headers["location"]
    assert (first, 200) == (landed, site.client.get(landed).status_code)
