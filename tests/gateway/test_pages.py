"""The pages of a whole gateway over real HTTP: a certified bundle, a server, people, store and audit log."""

import http.client
import re
import time
from urllib.parse import urlencode

import pytest

from tests.gateway.standing import Answer, running, upstream
from tests.unit.adapt import toy_desk
from tests.unit.serve.tiers import tiny_run

pytestmark = pytest.mark.slow

COMPLETIONS = "/v1/chat/completions"
SITE = """\
suffice: 1
home: home
models:
  desk: {{bundle: run, escalate_to: [big, people], reference: big}}
  ask: {{tiers: [people]}}
tiers:
  big:
    kind: upstream
    base_url: http://127.0.0.1:{port}/v1
    model: m
    usd_per_1m_input: 1000
    usd_per_1m_output: 1000
  people: {{kind: human}}
privacy: {{default: allow}}
audit: {{contents: {contents}}}
"""
EVERYTHING = frozenset({"admin"})


def chat(text, model="desk"):
    """Returns the body of a chat of one turn."""
    return {"model": model, "messages": [{"role": "user", "content": text}]}


@pytest.fixture(name="gateway", scope="module")
def gateway_fixture(tmp_path_factory):
    """Returns a running gateway that keeps contents."""
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patched, upstream() as seen:
        patched.setenv("SUFFICE_HOME", str(folder / "suffice-home"))
        rung = tiny_run.linear(folder / "rung")
        tiny_run.certify(tiny_run.bundle(folder / "run", {"linear": rung}))
        (folder / "site.yaml").write_text(SITE.format(port=seen.port, contents="true"))
        with running(folder / "site.yaml") as gateway:
            yield gateway


@pytest.fixture(name="asked", scope="module")
def asked_fixture(gateway):
    """Returns the answers to twenty questions and one that is foreign, asked by one key; and the keys."""
    key_id, key = gateway.new_key(scopes=frozenset({"call", "view", "feedback"}))
    boss_id, boss = gateway.new_key(scopes=EVERYTHING)
    answers = [gateway.ask(COMPLETIONS, chat(text), key=key) for text in toy_desk.texts(20, seed=9)[0]]
    answers.append(gateway.ask(COMPLETIONS, chat("zzz qqq"), key=key))
    assert {200} == {answer.status for answer in answers}
    wait_for(gateway, boss, n=len(answers))
    return {"answers": answers, "key": key, "key_id": key_id, "boss": boss, "boss_id": boss_id}


def wait_for(gateway, key, *, n):
    """Returns the overview once the store has written so many calls."""
    for _ in range(200):
        facts = gateway.ask("/overview.json?window=1h", key=key).body
        if facts["calls"] >= n:
            return facts
        time.sleep(0.02)
    raise AssertionError(facts)


def tier_of(answer):
    """Returns who answered, by the answer's header."""
    return answer.headers["x-suffice-tier"]


def form(gateway, path, fields, *, cookie):
    """Returns the response to a form sent as a browser does, its cookies and its text."""
    host = f"127.0.0.1:{gateway.port}"
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "origin": f"http://{host}",
        "sec-fetch-site": "same-origin",
        "cookie": cookie,
    }
    return browse(gateway, path, urlencode(fields), **headers)


def browse(gateway, path, body=None, **headers):
    """Returns status, headers and text of a page, as a browser gets them."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=20)
    try:
        connection.request("GET" if body is None else "POST", path, body, headers)
        response = connection.getresponse()
        text = response.read().decode()
        told = {name.lower(): value for name, value in response.getheaders()}
        cookies = [value for name, value in response.getheaders() if name.lower() == "set-cookie"]
        return Answer(status=response.status, headers=told, body={"text": text, "cookies": cookies})
    finally:
        connection.close()


def token_in(page):
    """Returns the token of a page's own form."""
    return page.body["text"].rpartition('name="token" value="')[2].partition('"')[0]


def logged_in(gateway, key):
    """Returns the session's cookie after logging in with the form."""
    page = browse(gateway, "/login")
    visit = page.body["cookies"][0].partition(";")[0]
    done = form(gateway, "/login", {"token": token_in(page), "key": key}, cookie=visit)
    assert (303, "/") == (done.status, done.headers["location"])
    return next(one for one in done.body["cookies"] if one.startswith("suffice_session")).partition(";")[0]


def test_the_overview_counts_what_was_answered(gateway, asked):
    """Calls by tier as the replies' headers said, and what was passed up, each with its n."""
    facts = gateway.ask("/overview.json?window=1h", key=asked["key"]).body
    said = [tier_of(answer) for answer in asked["answers"]]
    counts = {tier["tier"]: (tier["calls"], tier["place"]) for tier in facts["tiers"]}
    assert {"desk": (said.count("desk"), "local"), "big": (said.count("big"), "remote")} == counts
    assert said.count("big") >= 1
    escalation = facts["escalation"]["all"]
    assert (said.count("big"), len(said)) == (escalation["count"], escalation["n"])
    assert {latency["n"] for latency in (tier["latency"] for tier in facts["tiers"])} == {
        said.count("desk"),
        said.count("big"),
    }


def test_feedback_becomes_live_quality(gateway, asked):
    """What clients say of answers shows as a share with its n and an interval that may be looked at again."""
    ids = [answer.headers["x-request-id"] for answer in asked["answers"] if tier_of(answer) == "desk"][:10]
    for number, call_id in enumerate(ids):
        told = {"request_id": call_id, "correct": number != 3}
        assert 200 == gateway.ask("/v1/feedback", told, key=asked["key"]).status
    [rate] = gateway.ask("/overview.json?window=1h", key=asked["key"]).body["quality"]
    assert ("desk", "desk", 9, 10, "betting") == tuple(
        rate[name] for name in ("route", "tier", "count", "n", "method")
    )
    assert rate["lower"] < 0.9 < rate["upper"]


def test_a_request_is_explained_by_the_bundle_that_answered_it(gateway, asked):
    """Steps as they were, reasons worked out from the kept text; nothing for another key."""
    call_id = next(a for a in asked["answers"] if tier_of(a) == "desk").headers["x-request-id"]
    facts = gateway.ask(f"/requests/{call_id}.json", key=asked["key"]).body
    assert ["answered"] == [step["verdict"] for step in facts["request"]["steps"]]
    assert facts["request"]["certificate"]
    [explanation] = facts["explanations"]
    rung = explanation["rungs"][0]
    assert rung["is_kept"]
    assert {"ngram"} == {reason["kind"] for reason in rung["reasons"]}
    assert rung["probabilities"][0][0] == rung["text"]
    _, other = gateway.new_key(scopes=frozenset({"view"}))
    assert 404 == gateway.ask(f"/requests/{call_id}.json", key=other).status
    assert [] == gateway.ask("/requests.json", key=other).body["requests"]


def test_the_foreign_question_shows_why_it_went_up(gateway, asked):
    """The bundle's step says that it was not trusted, and the server's answer is shown as having left."""
    call_id = asked["answers"][-1].headers["x-request-id"]
    facts = gateway.ask(f"/requests/{call_id}.json", key=asked["key"]).body["request"]
    assert [("desk", "escalated"), ("big", "answered")] == [(s["tier"], s["verdict"]) for s in facts["steps"]]
    assert facts["steps"][0]["why"]
    assert facts["left_machine"]


def test_models_show_the_certificate_that_is_served(gateway, asked):
    """The bundle is certified, with what the signed statement says; the server has nothing to certify."""
    tiers = {tier["name"]: tier for tier in gateway.ask("/served.json", key=asked["key"]).body["tiers"]}
    assert {"desk": "valid", "big": "", "people": ""} == {name: one["status"] for name, one in tiers.items()}
    certificate = tiers["desk"]["certificate"]
    assert (200, 0.05, "absolute") == (certificate["n"], certificate["alpha"], certificate["target"])
    assert asked["answers"][0].headers["x-suffice-certificate"] in {certificate["sha256"], "none"}


def test_every_page_is_shown_to_who_logs_in(gateway, asked):
    """With the form's cookie each page answers, under the strict policy; after the log-out none does."""
    cookie = logged_in(gateway, asked["boss"])
    for path in ("/overview", "/requests", "/served", "/review", "/playground", "/keys", "/audit"):
        page = browse(gateway, path, cookie=cookie)
        assert 200 == page.status, path
        assert "default-src 'none'" in page.headers["content-security-policy"]
    page = browse(gateway, "/served", cookie=cookie)
    token = re.search(r'/logout"><input type="hidden" name="token" value="([^"]+)"', page.body["text"])
    assert 303 == form(gateway, "/logout", {"token": token[1]}, cookie=cookie).status
    assert "/login" in browse(gateway, "/served", cookie=cookie).headers["location"]


def test_who_cannot_wait_for_a_person_gets_an_error(gateway, asked):
    """By a header; no ticket is made then."""
    key, question = asked["key"], chat("Who else runs this?", model="ask")
    refused = gateway.ask(COMPLETIONS, question, key=key, x_suffice_no_people="true")
    assert (403, "not_allowed") == (refused.status, refused.code)
    assert "the call is not for them" in refused.body["error"]["message"]
    assert 202 == gateway.ask(COMPLETIONS, question, key=key, x_suffice_no_people="false").status


def test_a_question_for_people_is_answered_on_the_page(gateway, asked):
    """202 with a ticket, answered in the form by a reviewer, fetched by its owner, and by nobody else."""
    queued = gateway.ask(COMPLETIONS, chat("Who runs this?", model="ask"), key=asked["key"])
    assert 202 == queued.status
    path = queued.body["url"].partition(str(gateway.port))[2]
    assert "open" == gateway.ask(path, key=asked["key"]).body["ticket"]["state"]
    _, reviewer = gateway.new_key(scopes=frozenset({"review"}))
    cookie = logged_in(gateway, reviewer)
    page = browse(gateway, path, cookie=cookie)
    assert "Who runs this?" in page.body["text"]
    done = form(gateway, path, {"token": token_in(page), "answer": "people do"}, cookie=cookie)
    assert 303 == done.status
    ticket = gateway.ask(path, key=asked["key"]).body["ticket"]
    assert ("answered", "people do") == (ticket["state"], ticket["answer"])
    again = form(gateway, path, {"token": token_in(page), "answer": "no"}, cookie=cookie)
    assert 409 == again.status
    _, other = gateway.new_key(scopes=frozenset({"call", "view"}))
    assert 404 == gateway.ask(path, key=other).status


def test_the_playground_asks_through_the_gateway(gateway, asked):
    """Small and large side by side; both questions are calls like any other, in store and audit log."""
    before = gateway.ask("/overview.json?window=1h", key=asked["boss"]).body["calls"]
    cookie = logged_in(gateway, asked["boss"])
    token = token_in(browse(gateway, "/playground", cookie=cookie))
    texts = toy_desk.texts(20, seed=9)[0]
    text = next(
        text for text, answer in zip(texts, asked["answers"], strict=False) if tier_of(answer) == "desk"
    )
    page = form(gateway, "/playground", {"token": token, "route": "desk", "text": text}, cookie=cookie)
    assert 200 == page.status
    shown = page.body["text"]
    assert ("billing" in shown, "What spoke for it, and against" in shown) == (True, True)
    assert wait_for(gateway, asked["boss"], n=before + 2)["calls"] == before + 2
    ids = re.findall(r'href="/requests/(req_[0-9a-f]+)"', shown)
    tiers = [gateway.ask(f"/requests/{one}.json", key=asked["boss"]).body["request"]["tier"] for one in ids]
    assert ["desk", "big"] == tiers


def test_what_is_tried_out_waits_for_nobody(gateway, asked):
    """A question that no local tier is trusted with is not put before people, though the route has them."""
    open_before = gateway.ask("/review.json", key=asked["boss"]).body["open"]
    cookie = logged_in(gateway, asked["boss"])
    token = token_in(browse(gateway, "/playground", cookie=cookie))
    page = form(gateway, "/playground", {"token": token, "route": "desk", "text": "zzz qqq"}, cookie=cookie)
    assert (200, True) == (page.status, "it would go up" in page.body["text"])
    assert open_before == gateway.ask("/review.json", key=asked["boss"]).body["open"]


def test_the_audit_log_is_verified_by_a_button(gateway, asked):
    """Every check holds over all that was asked, and the page says what such checks cannot see."""
    cookie = logged_in(gateway, asked["boss"])
    token = token_in(browse(gateway, "/audit", cookie=cookie))
    page = form(gateway, "/audit", {"token": token}, cookie=cookie)
    assert (200, True) == (page.status, "The log holds." in page.body["text"])
    assert "What reading the log cannot see" in page.body["text"]


def test_metrics_agree_with_the_pages(gateway, asked):
    """Prometheus is told the same calls: one event feeds both."""
    page = browse(gateway, "/metrics", authorization=f"Bearer {asked['key']}").body["text"]
    line = r'^suffice_calls_total\{route="desk",tier="(\w+)",verdict="answered"\} (\S+)'
    counted = dict(re.findall(line, page, re.MULTILINE))
    facts = gateway.ask("/overview.json?window=1h", key=asked["boss"]).body
    shown = {tier["tier"]: float(tier["calls"]) for tier in facts["tiers"] if tier["tier"] != "people"}
    assert shown == {tier: float(count) for tier, count in counted.items()}
    assert "suffice_events_lost_total 0.0" in page


def test_a_revoked_key_is_out_at_once(gateway):
    """Its session and its bearer header end together."""
    key_id, key = gateway.new_key(scopes=frozenset({"view"}))
    cookie = logged_in(gateway, key)
    assert 200 == browse(gateway, "/overview", cookie=cookie).status
    assert gateway.do(gateway.standing.door.revoke(key_id))
    assert 303 == browse(gateway, "/overview", cookie=cookie).status
    assert 401 == gateway.ask("/overview.json", key=key).status


def test_another_hosts_name_is_refused_before_any_page(gateway):
    """DNS rebinding: a page of another name gets nothing, not even the log-in."""
    refused = browse(gateway, "/login", host="evil.example")
    assert refused.status in {400, 403, 421}
    assert "<form" not in refused.body["text"]
