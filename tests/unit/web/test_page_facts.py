"""What each page says, and that it is what its JSON says."""

import re
from dataclasses import replace

import orjson
import pytest

from suffice.serve.app import APIS
from suffice.serve.call import Wishes
from suffice.serve.errors import NobodyAnswered
from suffice.serve.reply import Place, Step, Verdict
from suffice.web import pages as composed
from suffice.web import render
from suffice.web.pages import VIEWS
from tests.unit.web.made_up import (
    NOW,
    FakeAudit,
    event,
    fake_site,
    made,
    own_page,
    rate,
    ticket,
    token_of,
)

ASKED = '{"model": "tickets", "messages": [{"role": "user", "content": "Where is my parcel?"}]}'
LISTS = [view.path for view in VIEWS if "{" not in view.path]


def full(**changes):
    """Returns a site with something on every page, and the operator logged in."""
    given = {
        "events": [event(number) for number in range(60)],
        "tickets": [ticket()],
        "rates": [rate("tickets", "small", 388, 412)],
    }
    site = made(**(given | changes))
    site.log_in()
    return site


@pytest.mark.parametrize("path", [*LISTS, "/requests/req-0001", "/review/tkt_01"])
def test_a_page_is_rendered_from_its_json_and_nothing_else(path, monkeypatch):
    """The JSON, parsed and rendered with the page's frame, is the page byte for byte."""
    site = full(events=[event(number, request_text=ASKED) for number in range(9)])
    frames = []

    def recorded(name, facts, *, frame, status=200):
        frames.append((name, frame))
        return render.html_response(name, facts, frame=frame, status=status)

    monkeypatch.setattr(composed, "html_response", recorded)
    page, facts = site.client.get(path), site.client.get(f"{path}.json")
    [(name, frame)] = frames
    assert page.content == render.html_response(name, orjson.loads(facts.content), frame=frame).body
    assert {
        "title",
        "nav",
        "caller",
        "has_session",
        "logout_token",
        "form_token",
        "path",
        "json_path",
    } == set(frame)


def test_the_overview_tells_numbers_with_their_n_and_interval():
    """Shares come with interval and n, percentiles with n, money with how many calls it is known for."""
    site = full()
    facts = site.client.get("/overview.json").json()
    assert (60, 0, 60) == (facts["calls"], facts["failed"], facts["money"]["compared_n"])
    local = facts["local"]
    assert (30, 60, 0.5) == (local["count"], local["n"], local["rate"])
    assert local["lower"] < 0.5 < local["upper"]
    assert [("small", 30), ("large", 30)] == [(tier["tier"], tier["calls"]) for tier in facts["tiers"]]
    assert [200, 200] == [tier["latency"]["n"] for tier in facts["tiers"]]
    page = site.client.get("/overview").text
    assert "50.0%" in page
    assert "n 60" in page
    assert "90.2 to 97.2 at 95%, n 412" in page
    assert "over 60 calls, for which $0.72 was paid" in page


def test_what_is_not_measured_says_so_and_is_never_zero():
    """Energy, money and quality that nobody measured are words, in the JSON null."""
    site = full(events=[], rates=[])
    facts = site.client.get("/overview.json").json()
    assert [None, None, None] == [
        facts["energy"]["used_at_most_j"],
        facts["money"]["saved_usd"],
        facts["local"],
    ]
    page = site.client.get("/overview").text
    assert "$0" not in page
    assert "not measured" in page


@pytest.mark.parametrize("window", ["1h", "24h", "7d", "30d"])
def test_each_window_has_its_columns_up_to_now(window):
    """The columns cover the window without a gap, and their sum is the calls told."""
    facts = full().client.get(f"/overview.json?window={window}").json()
    assert facts["calls"] == sum(sum(column["calls"].values()) for column in facts["columns"])
    assert facts["since"] == facts["columns"][0]["at"]
    assert 40 <= len(facts["columns"]) <= 64
    assert facts["columns"][-1]["at"] <= facts["now"]


@pytest.mark.parametrize("path", ["/overview", "/requests"])
def test_an_empty_page_says_what_to_type(path):
    """Before the first call a page shows the exact line that makes one, with the gateway's own address."""
    page = full(events=[], tickets=[], rates=[]).client.get(path).text
    assert "curl http://127.0.0.1:8321/v1/chat/completions" in page
    assert "&#34;model&#34;: &#34;tickets&#34;" in page


def test_empty_pages_of_other_kinds_say_what_to_do():
    """No routes, no queue, no audit log, no asking: each says what would change that."""
    site = full(events=[], tickets=[], site=fake_site(routes=(), tiers=()))
    site.client.get("/served")
    assert "suffice serve runs/tickets" in site.client.get("/served").text
    assert "suffice serve runs/tickets" in site.client.get("/playground").text
    assert "kind: human" in site.client.get("/review").text
    assert "Nothing waits" in full(tickets=[]).client.get("/review").text


def test_requests_can_be_narrowed_and_turned():
    """Filters narrow the list; the next page begins after the last row."""
    site = full(events=[event(number) for number in range(120)])
    first = site.client.get("/requests.json").json()
    assert (50, 951) == (len(first["requests"]), first["next_before"])
    second = site.client.get("/requests.json?before=951").json()
    assert first["requests"][-1]["id"] < second["requests"][0]["id"]
    small = site.client.get("/requests.json?tier=small&outcome=ok").json()["requests"]
    assert {"small"} == {row["tier"] for row in small}
    assert [] == site.client.get("/requests.json?outcome=failed").json()["requests"]
    assert "No request fits" in site.client.get("/requests?outcome=failed").text
    older = re.search(r'href="(/requests\?[^"]+)">Older', site.client.get("/requests?tier=small").text)[1]
    rows = site.client.get(older.replace("&amp;", "&")).text
    assert "large" not in re.sub(r"<option.*?</option>", "", rows)


def test_a_request_tells_why_this_tier():
    """Each step shows its trust against the threshold, what became of it and why."""
    page = full().client.get("/requests/req-0001").text
    assert "Confidence 52.0%, trust 41.0%, threshold 76.0%, novelty 31.0%" in page
    assert "trust 0.41 is below the certified threshold 0.76" in page
    assert "large</bdi> answered at a server" in page
    assert re.search(r"after an answer that was not trusted\.\s+It left this machine\.", page)


def test_a_request_without_its_text_says_how_to_keep_it():
    """With contents off, no reason is made up: the page says what to switch on."""
    site = full()
    page, facts = (
        site.client.get("/requests/req-0002").text,
        site.client.get("/requests/req-0002.json").json(),
    )
    assert [] == facts["explanations"]
    assert "The text was not kept" in page
    assert "contents: true" in page


def test_a_request_with_its_text_tells_why_this_answer():
    """n-grams, nearest examples, probabilities and tokens, for the local tier that was asked."""
    site = full(events=[event(1, request_text=ASKED)])
    page = site.client.get("/requests/req-0001").text
    for shown in ("parcel", "+1.4", "−0.80", "I want my money back for a lost parcel", "96%", "52.0%"):
        assert shown in page, shown
    assert ["small"] == [
        one["tier"] for one in site.client.get("/requests/req-0001.json").json()["explanations"]
    ]


@pytest.mark.parametrize(
    ("operation", "asked", "answered", "texts"),
    [
        ("chat", ASKED, '{"choices": [{"message": {"content": "late"}}]}', ("Where is my parcel?", "late")),
        (
            "text_completion",
            '{"model": "tickets", "prompt": "Where?"}',
            '{"choices": [{"text": "late"}]}',
            ("Where?", "late"),
        ),
        ("embeddings", '{"model": "e", "input": ["a", "b"]}', '{"data": []}', ("a\nb", None)),
        ("decision", '{"input": {"a": 1}}', "data: {}\n\n", (None, None)),
        ("chat", "no json", "[]", ("no json", None)),
        ("chat", '{"messages": "none"}', '{"choices": [1]}', (None, None)),
        ("chat", "[1]", '{"choices": []}', (None, None)),
    ],
)
def test_what_was_said_is_found_in_the_kept_bodies(operation, asked, answered, texts):
    """The text of question and answer where there is one; the raw bodies stand beside them in any case."""
    site = full(events=[event(2, operation=operation, request_text=asked, response_text=answered)])
    facts = site.client.get("/requests/req-0002.json").json()
    assert texts == (facts["asked_text"], facts["answer_text"])
    assert (asked, answered) == (facts["request"]["request_text"], facts["request"]["response_text"])
    assert 200 == site.client.get("/requests/req-0002").status_code


def test_a_tier_that_cannot_be_asked_why_does_not_break_the_page():
    """The page says that the reasons are not to be had now."""
    site = full(events=[event(2, request_text=ASKED)])

    async def down(*_):
        raise NobodyAnswered("the model is being loaded", status=503)

    pages = replace(site.pages, explain=down)
    client = type(site.client)(composed.app_of(pages), base_url=str(site.client.base_url))
    page = client.get("/requests/req-0002", headers={"authorization": "Bearer boss", "accept": "text/html"})
    assert (200, True) == (page.status_code, "the model is being loaded" in page.text)


def test_models_show_what_is_proven_and_what_is_not():
    """A valid certificate with its statement, n, alpha and signer; uncertified and refused as such."""
    page = full().client.get("/served").text
    for shown in (
        "accuracy at most 2 points below the reference",
        "probability at most 4%",
        "n 462",
        "SHA256:u0xh4ZPzF1pXv0vY7cTq",
        "Uncertified",
        "a byte was changed",
    ):
        assert shown in page, shown


def test_a_ticket_is_answered_once_by_the_reviewer():
    """The form hands the words in under the reviewer's key and leads back to the queue."""
    site = made(tickets=[ticket()])
    site.log_in("reviewer")
    page = site.client.get("/review/tkt_01")
    assert "the invoice is somebody else" in page.text
    form = {"token": token_of(page), "answer": " refund\r\nplease "}
    done = site.client.post("/review/tkt_01", data=form, headers=own_page())
    assert (303, "/review?answered=tkt_01") == (done.status_code, done.headers["location"])
    assert [("tkt_01", "refund\nplease", "reviewer")] == site.answers
    assert "is kept" in site.client.get(done.headers["location"]).text


@pytest.mark.parametrize(("answer", "says"), [("  ", "empty"), ("x" * 100_001, "at most 100000")])
def test_an_answer_that_cannot_be_is_refused(answer, says):
    """An empty or endless answer is a 400 which says what is wrong."""
    site = full()
    form = {"token": token_of(site.client.get("/review/tkt_01")), "answer": answer}
    refused = site.client.post("/review/tkt_01", data=form, headers=own_page())
    assert (400, True, []) == (refused.status_code, says in refused.text, site.answers)


def test_the_playground_asks_small_and_large_as_this_key():
    """Both questions go through the gateway; small stays here, large begins at the reference."""
    site = full()
    form = {"token": token_of(site.client.get("/playground")), "route": "tickets", "text": "Where?"}
    page = site.client.post("/playground", data=form, headers=own_page())
    assert [
        ("boss", "tickets", "Where?", Wishes(local_only=True, no_people=True)),
        ("boss", "tickets", "Where?", Wishes(skip_to="large", no_people=True)),
    ] == site.asks
    assert re.search(
        r"Both say the same\.\s+The small one was 259 times as fast, and 8,250 times cheaper", page.text
    )
    assert "What spoke for it, and against" in page.text


def test_the_playground_says_what_it_cannot_ask():
    """A key without the scope tiers, and a route without a reference, are told so on that side."""
    bearer = {"authorization": "Bearer k1"}
    site = made()
    sides = site.client.post(
        "/playground.json", data={"route": "tickets", "text": "Where?"}, headers=bearer
    ).json()["sides"]
    assert ["refund", None] == [side["text"] for side in sides]
    assert "scope tiers" in sides[1]["error"]
    sides = site.client.post(
        "/playground.json", data={"route": "urgency", "text": "Where?"}, headers=bearer
    ).json()["sides"]
    assert "no reference" in sides[1]["error"]
    unknown = site.client.post("/playground.json", data={"route": "none", "text": "x"}, headers=bearer)
    assert 404 == unknown.status_code


def test_keys_show_what_is_used_of_each_budget():
    """Used and limit for each budget that is set, and in words where it is used up."""
    site = full()
    facts = site.client.get("/keys.json").json()
    [laptop] = [key for key in facts["keys"] if key["id"] == "k1"]
    assert [("requests", "day", 412, 1000), ("usd", "day", 0.31, 0.3)] == [
        (one["what"], one["per"], one["used"], one["limit"]) for one in laptop["budgets"]
    ]
    page = site.client.get("/keys").text
    assert "412 of 1,000 requests a day" in page
    assert "used up" in page
    assert "revoked" in page


@pytest.mark.parametrize(
    ("audit", "says"),
    [(FakeAudit(), "The log holds."), (FakeAudit(["record 41 was changed"]), "The log does not hold.")],
)
def test_the_audit_page_verifies_when_it_is_asked_to(audit, says):
    """Looking verifies nothing; the button does, and says what was found and what cannot be seen."""
    site = full(audit=audit)
    page = site.client.get("/audit")
    assert ("9f" * 32 in page.text, 0) == (True, audit.verified)
    done = site.client.post("/audit", data={"token": token_of(page)}, headers=own_page())
    assert (200, 1) == (done.status_code, audit.verified)
    for shown in (says, "18,304 records", "whoever holds the signing key", *audit.problems):
        assert shown in done.text


def test_a_store_that_is_down_is_an_error_page():
    """A page without its store says so with status 503, and when to come again."""
    site = full()

    async def down(*_, **__):
        raise NobodyAnswered("the gateway's database does not answer", status=503, retry_after_s=5.0)

    site.reads.traffic = down
    page = site.client.get("/overview")
    assert (503, "5") == (page.status_code, page.headers["retry-after"])
    assert "database does not answer" in page.text


@pytest.mark.parametrize("path", [*LISTS, "/requests/req-0001", "/review/tkt_01", "/login"])
def test_a_page_can_be_read_without_eyes(path):
    """A language, one first heading, a main part, labelled fields, captioned tables, hidden pictures."""
    page = full(events=[event(number, request_text=ASKED) for number in range(9)]).client.get(path).text
    assert '<html lang="en">' in page
    assert 1 == len(re.findall(r"<h1\b", page))
    assert 1 == page.count('<main id="main">')
    fields = re.findall(r"<(?:input|select|textarea)\b[^>]*>", page)
    labels = set(re.findall(r'<label for="([^"]+)"', page))
    visible = [one for one in fields if 'type="hidden"' not in one and " hidden" not in one]
    assert [] == [one for one in visible if re.search(r' id="([^"]+)"', one)[1] not in labels]
    assert page.count("<table") == page.count("<caption")
    assert [] == [one for one in re.findall(r"<svg\b[^>]*>", page) if 'aria-hidden="true"' not in one]
    assert page.count("<th scope=") == len(re.findall(r"<th\b", page))


def test_a_time_is_told_in_full_beside_its_distance():
    """Distances are for reading, the exact time in UTC stands with them."""
    page = full(events=[event(2, at=NOW)]).client.get("/requests").text
    assert 'title="2026-11-22 12:00:30 UTC">just now</time>' in page


def test_an_answer_that_waits_for_a_person_is_shown_as_such():
    """A queued call is neither answered nor an error."""
    queued = event(2, tier="", place=None, model="", ticket="tkt_01", status=202)
    page = full(events=[queued]).client.get("/requests/req-0002").text
    assert "it waits for a person under the ticket" in page
    assert "Waits for a person" in page


def test_a_tier_that_left_the_site_is_still_counted():
    """Calls of a tier that is no longer served keep their row, without a place."""
    facts = full(events=[event(2, tier="former", place=Place.REMOTE)])
    facts.reads.latency = _no_latency
    [tier] = facts.client.get("/overview.json").json()["tiers"]
    assert ("former", None, None) == (tier["tier"], tier["place"], tier["latency"])
    assert "former" in facts.client.get("/overview").text


async def _no_latency(*_, **__):
    return []


def test_no_page_stands_where_a_client_with_a_wrong_base_url_asks():
    """No page's path is an API's without its /v1: such a client gets a hint, not HTML."""
    apis = {*APIS, "/v1/models", "/v1/feedback", "/v1/embeddings", "/v1/decisions", "/v1/systemone"}
    assert set() == apis & {f"/v1{view.path}" for view in VIEWS}


def test_a_request_to_a_server_trusted_as_local_says_so_and_no_more():
    """That it never left the machine is more than is known."""
    step = Step(tier="ollama", place=Place.TRUSTED_LOCAL, verdict=Verdict.ANSWERED, latency_ms=9.0)
    lent = event(2, id="req-lent", tier="ollama", place=Place.TRUSTED_LOCAL, steps=(step,))
    waits = event(4, id="req-waits", tier="", place=None, ticket="tkt_7", steps=())
    site = full(events=[lent, waits])
    page = site.client.get("/requests/req-lent").text
    assert "no server but <bdi>ollama</bdi>, which the site trusts as local" in page
    assert "never left this machine" not in page
    assert "at a server trusted as local" in page
    assert 'href="/review/tkt_7"' in site.client.get("/requests/req-waits").text


def test_who_serves_a_run_folder_is_shown_a_whole_site_file():
    """There is no file yet into which a part could be put."""
    for has_file in (True, False):
        site = full(events=[event(2)], tickets=[], site=fake_site(has_file=has_file, tiers=()))
        for path in ("/requests/req-0002", "/review"):
            shown = site.client.get(path).text.partition('<pre class="copy" tabindex="0">')[2]
            keys = [line.partition(":")[0] for line in shown.partition("</pre>")[0].splitlines()]
            assert has_file != ("suffice" in keys), (path, keys)
            assert {"models", "audit"} & set(keys)
