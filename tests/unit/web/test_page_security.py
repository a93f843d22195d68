"""What a page may never do: run another's words, show another's rows, tell a secret."""

import re
from dataclasses import replace

import pytest

from suffice.serve.reply import Place, Step, Verdict
from suffice.web.pages import VIEWS
from tests.unit.web.made_up import (
    EVIL,
    EXPLANATION,
    HOST,
    SMALL,
    event,
    fake_site,
    made,
    own_page,
    rate,
    ticket,
    token_of,
)

PATHS = (
    "/overview",
    "/requests",
    "/requests/req-0002",
    "/served",
    "/review",
    "/review/tkt_01",
    "/playground",
    "/keys",
    "/audit",
)


def full(**changes):
    """Returns a site with something on every page, and the operator logged in."""
    given = {
        "events": [event(number) for number in range(6)],
        "tickets": [ticket()],
        "rates": [rate("tickets", "small", 388, 412)],
    }
    site = made(**(given | changes))
    site.log_in()
    return site


def scripts_of(html):
    """Returns what could run in a page: scripts other than our file, handlers, styles, addresses."""
    return [
        *re.findall(r"<script(?! src=\"/static/suffice\.[0-9a-f]{12}\.js\" defer></script>)", html),
        *re.findall(r"<(?:style|iframe|object|embed|base)\b", html),
        *re.findall(r"<[^>]+\s(?:on\w+|style)\s*=", html),
        *re.findall(r"(?:href|src|action)=\"\s*(?:javascript|vbscript|data:text)", html),
    ]


@pytest.mark.parametrize("path", [*PATHS, "/login", "/requests/none", "/nowhere"])
def test_every_page_forbids_what_it_does_not_need(path):
    """Pages and errors carry a policy without inline code, and are kept by nobody on the way."""
    page = full().client.get(path)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert "nosniff" == page.headers["x-content-type-options"]
    assert "no-store" == page.headers["cache-control"]
    assert [] == scripts_of(page.text)


@pytest.mark.parametrize("path", PATHS)
def test_no_page_is_shown_to_nobody(path):
    """Without a log-in a page leads to it, and its JSON is a 401; neither says whether a thing exists."""
    site = made(events=[event(2)], tickets=[ticket()])
    page, facts = site.client.get(path), site.client.get(f"{path}.json")
    assert (303, 401) == (page.status_code, facts.status_code)
    assert "/login?next=" in page.headers["location"]
    assert b"" == page.content
    assert [] == site.reads.asked_for


def test_xss_in_the_text_of_a_request():
    """A request whose kept text is markup is shown as text, as is what the model said."""
    evil = event(2, request_text=EVIL, response_text=EVIL)
    page = full(events=[evil]).client.get("/requests/req-0002")
    assert [] == scripts_of(page.text)
    assert "&lt;script&gt;alert" in page.text


def test_xss_in_names_of_models_and_keys():
    """Names that a client or a server chose are shown as text on every page that has them."""
    evil = event(
        2,
        requested_model=EVIL,
        model=EVIL,
        error=EVIL,
        status=404,
        steps=(replace(SMALL, model=EVIL, why=EVIL),),
        data_classes=frozenset({EVIL}),
    )
    tiers = (
        replace(
            fake_site().tiers[0],
            name="small",
            model=EVIL,
            why=EVIL,
            certificate={**fake_site().tiers[0].certificate, "statement": EVIL, "chosen": EVIL},
        ),
    )
    site = full(events=[evil], site=fake_site(tiers=tiers, notes=(EVIL,)))
    site.keys.keys["k1"] = replace(site.keys.keys["k1"], name=EVIL)
    for path in PATHS:
        page = site.client.get(path)
        assert (200, []) == (page.status_code, scripts_of(page.text)), path
    assert "&lt;script&gt;" in site.client.get("/keys").text


def test_xss_in_an_id_of_the_address():
    """What stands in the address is shown as text."""
    site = full()
    for path in (
        f"/requests/{EVIL}",
        "/requests/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/review?answered=%3Cscript%3E",
    ):
        page = site.client.get(path)
        assert [] == scripts_of(page.text)


def test_xss_in_a_tickets_question_and_answer():
    """A question with markup and its answer are shown as text, to the reviewer and to who asked."""
    evil = ticket(
        body={
            "messages": [
                {"role": EVIL, "content": EVIL},
                {"role": "user", "content": [{"type": "text", "text": EVIL}]},
            ]
        },
        answer=EVIL,
        state="answered",
        answered_by=EVIL,
    )
    for path in ("/review/tkt_01", "/review"):
        page = full(tickets=[evil]).client.get(path)
        assert [] == scripts_of(page.text)
    assert "&lt;script&gt;" in full(tickets=[evil]).client.get("/review/tkt_01").text


def test_xss_in_what_an_explanation_quotes(monkeypatch):
    """n-grams, examples and tokens come from users' and training texts: they are shown as text."""
    rung = EXPLANATION["rungs"][0] | {
        "name": EVIL,
        "text": EVIL,
        "probabilities": [[EVIL, 0.5]],
        "reasons": [{"evidence": EVIL, "weight": 1.0, "kind": kind} for kind in ("ngram", "example")],
        "tokens": [[EVIL, 0.5]],
        "notes": [EVIL],
        "error": EVIL,
    }
    monkeypatch.setitem(EXPLANATION, "rungs", [rung])
    page = full(events=[event(2, request_text="hello")]).client.get("/requests/req-0002")
    assert ([], True) == (scripts_of(page.text), "Nearest examples" in page.text)


def test_ssti_text_is_data_never_a_template():
    """The failure of LiteLLM's /prompts/test: what a user types into the playground is never rendered."""
    site = full()
    token = token_of(site.client.get("/playground"))
    text = (
        "{{ 7 * 7191 }} {% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %} {{ facts }}"
    )
    page = site.client.post(
        "/playground", data={"token": token, "route": "tickets", "text": text}, headers=own_page()
    )
    assert 200 == page.status_code
    assert "{{ 7 * 7191 }}" in page.text
    assert "50337" not in page.text
    assert "subclasses__() %}" in page.text
    assert text == site.asks[0][2]


def test_a_key_sees_its_own_rows_alone():
    """With the scope `view`, another key's rows are in no page, and the store is not even asked."""
    mine, theirs = event(2, id="req-mine"), event(4, id="req-theirs", key_id="k2", model="THEIRS")
    site = made(events=[mine, theirs], tickets=[ticket(key_id="k2")])
    site.log_in("k1")
    for path in ("/overview", "/requests", "/requests?key=k2"):
        for page in (
            site.client.get(path),
            site.client.get(path.replace("?", ".json?") if "?" in path else f"{path}.json"),
        ):
            assert ("req-mine" in page.text, "req-theirs" in page.text, "THEIRS" in page.text) == (
                True,
                False,
                False,
            )
    assert 404 == site.client.get("/requests/req-theirs").status_code
    assert 404 == site.client.get("/requests/req-theirs.json").status_code
    assert 404 == site.client.get("/review/tkt_01").status_code
    assert {"k1"} == set(site.reads.asked_for)


def test_the_scope_admin_sees_all_rows():
    """The operator sees every key's rows, and can choose one key's."""
    site = full(events=[event(2), event(4, id="req-theirs", key_id="k2")])
    assert "req-theirs" in site.client.get("/requests").text
    shown = site.client.get("/requests.json?key=k2").json()["requests"]
    assert ["req-theirs"] == [row["id"] for row in shown]


def test_who_asked_is_named():
    """Lists and pages of calls tell the key's name, not its id alone; an unknown key has none."""
    site = full(events=[event(2), event(4, id="req-theirs", key_id="k9")])
    named = {row["id"]: row["key_name"] for row in site.client.get("/requests.json").json()["requests"]}
    latest = {row["id"]: row["key_name"] for row in site.client.get("/overview.json").json()["latest"]}
    assert named == latest
    assert "" == named["req-theirs"]
    (mine,) = set(named) - {"req-theirs"}
    assert named[mine]
    assert named[mine] in site.client.get(f"/requests/{mine}").text


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("k1", {"overview", "requests", "models", "playground"}),
        ("reviewer", {"review"}),
        ("caller", {"playground"}),
        ("boss", {"overview", "requests", "models", "review", "playground", "keys", "audit"}),
    ],
)
def test_a_scope_opens_its_pages_and_no_others(name, allowed):
    """What is not in the navigation is refused too, as page and as JSON."""
    site = made()
    site.log_in(name)
    lists = [view for view in VIEWS if "{" not in view.path]
    for view in lists:
        expected = 200 if view.name in allowed else 403
        assert [expected] * 2 == [site.client.get(view.path + end).status_code for end in ("", ".json")], (
            view.name
        )
    nav = site.client.get(f"/{min(allowed)}").text
    assert allowed == {view.name for view in lists if f'<li><a href="{view.path}"' in nav}


def test_who_asked_sees_the_ticket_and_cannot_answer_it():
    """A ticket is its owner's to read, a reviewer's to answer."""
    site = made(tickets=[ticket(answer="refund", state="answered", answered_by="reviewer")])
    told = site.client.get("/review/tkt_01", headers={"authorization": "Bearer k1"})
    assert "refund" == told.json()["ticket"]["answer"]
    for name in ("k1", "k2"):
        refused = site.client.post(
            "/review/tkt_01.json",
            data={"answer": "mine"},
            headers={"authorization": f"Bearer {name}"},
        )
        assert 403 == refused.status_code
    assert [] == site.answers


def test_no_page_holds_a_secret_or_its_hash():
    """The keys' page has public ids; neither hashes nor the session's secret are anywhere."""
    site = full()
    for path in (*PATHS, "/keys.json"):
        text = site.client.get(path).text
        assert "5e5e5e5e" not in text
        assert "secret_sha256" not in text
        assert "ssssssss" not in text


def test_a_program_shows_its_key_in_a_header():
    """With a bearer key a path answers JSON, and forms need no token: no browser sends it unasked."""
    site = made(events=[event(2)])
    bearer = {"authorization": "Bearer k1"}
    for path in ("/requests", "/requests.json"):
        assert "application/json" == site.client.get(path, headers=bearer).headers["content-type"]
    form = {"route": "tickets", "text": "hello"}
    assert 200 == site.client.post("/playground.json", data=form, headers=bearer).status_code
    assert 401 == site.client.get("/requests", headers={"authorization": "Bearer wrong"}).status_code


def test_a_wrong_bearer_key_is_not_saved_by_a_cookie():
    """Who sends a key is that key, or nobody."""
    site = full()
    assert 401 == site.client.get("/requests.json", headers={"authorization": "Bearer wrong"}).status_code


def test_static_files_have_no_way_out():
    """Only the two files are served; a path into the tree finds nothing."""
    site = made()
    style = re.search(r'href="(/static/[^"]+\.css)"', site.client.get("/login").text)[1]
    got = site.client.get(style)
    assert (200, "text/css; charset=utf-8") == (got.status_code, got.headers["content-type"])
    for path in (
        "/static/../pages.py",
        "/static/%2e%2e%2fpages.py",
        "/static/..%2f..%2fweb%2fpages.py",
        "/static/suffice.css",
    ):
        assert (
            404
            == site.client.get(path, headers={"accept": "*/*", "authorization": "Bearer boss"}).status_code
        )


def test_a_fault_shows_nothing_of_itself():
    """An exception in a page is a 500 without its text; the server's log gets it."""
    site = full()
    site.client._transport.raise_server_exceptions = False

    async def broken(*_, **__):
        raise RuntimeError("SECRET path /srv")

    site.reads.events = broken
    page = site.client.get("/requests")
    assert (500, False) == (page.status_code, "SECRET" in page.text)
    assert "not-found" not in page.text


@pytest.mark.parametrize("query", ["window=2y", "window="])
def test_an_unknown_window_is_an_error_not_a_crash(query):
    """A window that is none is a 400 which names those there are."""
    page = full().client.get(f"/overview?{query}")
    assert (400, True) == (page.status_code, "1h, 24h" in page.text)


@pytest.mark.parametrize("before", ["x", "-1", "9" * 40, "١٢"])
def test_a_number_that_is_none_is_an_error_not_a_crash(before):
    """What is no number of a row never reaches the database."""
    assert 400 == full().client.get("/requests", params={"before": before}).status_code


def test_a_form_may_only_be_sent_here():
    """Every form's address is a path of this gateway."""
    site = full()
    for path in PATHS:
        for action in re.findall(r'<form[^>]* action="([^"]*)"', site.client.get(path).text):
            assert re.fullmatch(r"/[a-z][^:]*", action), (HOST, action)


def test_a_step_that_only_a_server_knows_is_shown():
    """A tier that is no longer part of the site is shown as it was."""
    step = Step(
        tier="former", place=Place.REMOTE, verdict=Verdict.FAILED, why="connection refused", latency_ms=2.0
    )
    page = full(
        events=[event(2, steps=(step,), error="no_answer", status=502, tier="", place=None, model="")]
    )
    assert "connection refused" in page.client.get("/requests/req-0002").text
