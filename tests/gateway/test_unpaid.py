"""What a key leaves behind without a budget that counts it: bounded, and no record is written of the rest."""

import json

import pytest

from suffice.serve.key import Limits
from tests.gateway.standing import CHAT, SkippingClock, running

CHATS = "/v1/chat/completions"
SITE = """\
suffice: 1
home: home
models: {chat: {tiers: [people]}}
tiers: {people: {kind: human}}
limits: {unpaid_per_minute: 3}
"""
NOWHERE = {**CHAT, "model": "nobody"}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """Returns a running gateway that takes three refused calls, and three pieces of feedback, a minute."""
    place = tmp_path_factory.mktemp("site") / "site.yaml"
    place.write_text(SITE)
    with running(place, clock=SkippingClock()) as gateway:
        yield gateway


def recorded(gateway, key_id):
    """Returns the statuses of a key's calls in the audit log."""
    lines = [
        json.loads(line)
        for path in gateway.standing.records.log.settings.folder.glob("*.jsonl")
        for line in path.read_bytes().splitlines()
    ]
    events = [line["event"] for line in lines if line["kind"] == "event"]
    return [event["status"] for event in events if event["key_id"] == key_id]


def statuses(gateway, key, body, *, path=CHATS, times=5):
    """Returns how so many requests end."""
    return [gateway.ask(path, body, key=key).status for _ in range(times)]


@pytest.mark.parametrize("limits", [Limits(), Limits(requests_per_minute=100)])
def test_calls_that_are_refused_fill_no_log(gateway, limits):
    """So many a minute are told what is wrong and recorded; the rest are 429, and sound ones are answered."""
    key_id, key = gateway.new_key(limits=limits)
    assert [404, 404, 404, 429, 429] == statuses(gateway, key, NOWHERE)
    assert [404] * 3 == recorded(gateway, key_id)
    answer = gateway.ask(CHATS, b"[]", key=key)
    assert ("rate_limit_exceeded", True) == (answer.code, 1 <= int(answer.headers["retry-after"]) <= 61)
    sound = gateway.ask(CHATS, CHAT, key=key).status
    assert 200 <= sound < 300
    assert [404, 404, 404, sound] == recorded(gateway, key_id)
    gateway.clock.skipped_s += 62
    assert [404] == statuses(gateway, key, NOWHERE, times=1)


def test_what_a_budget_refuses_fills_no_log(gateway):
    """A client that comes again and again after its budget is used up is recorded so often alone."""
    key_id, key = gateway.new_key(limits=Limits(requests_per_day=1))
    first = gateway.ask(CHATS, CHAT, key=key).status
    assert [429] * 6 == statuses(gateway, key, CHAT, times=6)
    assert [first, 429, 429, 429] == recorded(gateway, key_id)


def test_one_keys_refusals_are_not_anothers(gateway):
    """Each has its own."""
    _, loud = gateway.new_key()
    _, quiet = gateway.new_key()
    assert 429 == statuses(gateway, loud, NOWHERE)[-1]
    assert 404 == gateway.ask(CHATS, NOWHERE, key=quiet).status


def test_feedback_is_bounded(gateway):
    """Each piece is a write that somebody waits for; refused calls do not use it up."""
    _, key = gateway.new_key(scopes=frozenset({"call", "feedback"}))
    statuses(gateway, key, NOWHERE)
    judgement = {"request_id": "req_0", "correct": True}
    assert [404, 404, 404, 429, 429] == statuses(gateway, key, judgement, path="/v1/feedback")
