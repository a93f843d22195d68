"""The store's contract, the same for SQLite and PostgreSQL."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from suffice.clock import FakeClock
from suffice.errors import OutputError
from suffice.ports import Request, Usage
from suffice.serve.call import Call, Caller, Operation
from suffice.serve.errors import BadCall, LimitReached, NotFound
from suffice.serve.judgement import Judgement
from suffice.serve.key import Key, Limits, Spent
from suffice.serve.reply import Place, Step, Verdict
from suffice.serve.store.opened import open_store
from suffice.serve.store.records import TicketState
from tests.unit.serve.made_events import NOON, SHA, made_event, made_events

ALPHA, ADMIN = Caller(key_id="alpha"), Caller(key_id="root", scopes=frozenset({"admin"}))


def put(store, events, *, run=None, first=0):
    """Gives events to the store, and waits until they are committed."""
    for seq, event in enumerate(events, start=first):
        store.writer.put(event, run=run, seq=None if run is None else seq, is_logged=run is not None)
    asyncio.run(store.keys.find("nobody"))


def kept(store, key_id=None):
    """Returns the events in the store, oldest first."""
    return [kept.event for kept in reversed(asyncio.run(store.readings.events(key_id)))]


def made_call(call_id="req_0", key_id="alpha"):
    """Returns a call with a body."""
    return Call(
        id=call_id,
        operation=Operation.CHAT,
        model="tickets",
        route="tickets",
        caller=Caller(key_id=key_id),
        body={"messages": [{"role": "user", "content": "hé\x00llo"}]},
        request=Request(text="hello"),
    )


def test_an_event_comes_back_as_it_was(store):
    """Every field survives, to the microsecond, None apart from 0."""
    steps = (
        Step(
            tier="a",
            place=Place.LOCAL,
            verdict=Verdict.ESCALATED,
            why="trust 0.2 < 0.5",
            trust=0.2,
            threshold=0.5,
        ),
        Step(tier="b", place=Place.REMOTE, verdict=Verdict.ANSWERED, latency_ms=300.25, model="large"),
    )
    whole = made_event(
        1, steps=steps, escalated=True, data_classes=frozenset({"email", "phone"}), local_only=True,
        left_machine=True, masked=True, first_token_ms=0.5, streamed=True, ticket="tkt_1",
        request_text="è", response_text="", error="upstream_broke", status=502,
    )  # fmt: skip
    bare = made_event(
        2, tier="", place=None, certificate=None, usage=Usage(), cost_usd=None, reference_usd=None, steps=()
    )
    put(store, [whole, bare])
    assert [whole, bare] == kept(store)


def test_every_field_of_an_event_is_stored():
    """A field that is added to `Event` must be added to the table."""
    from suffice.serve.event import Event  # noqa: PLC0415 - its fields are what is tested
    from suffice.serve.store.schema import events  # noqa: PLC0415 - as above

    stored = {column.name for column in events.columns} - {"number", "run", "seq"}
    estimates = {"budget_tokens", "budget_usd", "steps_json"}  # for the running gateway alone
    named = {field.name for field in dataclasses.fields(Event)} - {"at", "usage"} - estimates
    assert named | {"at_us", "input_tokens", "output_tokens"} == stored


def test_the_same_record_of_a_log_is_kept_once(store):
    """Taking an audit log over twice changes nothing; another opening of the log is another record."""
    put(store, made_events(3), run="r1")
    put(store, made_events(3), run="r1")
    put(store, made_events(2), run="r2")
    assert 5 == len(kept(store))


def test_a_call_id_chosen_twice_by_a_client_keeps_both_events(store):
    """`x-request-id` is the client's to choose: it must not hide an event."""
    put(store, [made_event(0), made_event(0, status=500)])
    assert [200, 500] == [event.status for event in kept(store)]


def test_values_no_database_takes_do_not_stop_the_others(store):
    """NUL and lone surrogates are replaced; a number beyond 64 bits is refused alone, and counted."""
    step = Step(tier="a\x00", place=Place.LOCAL, verdict=Verdict.FAILED, why='"\ud800\\u0000')
    odd = made_event(1, requested_model="a\x00b\ud800c", steps=(step,))
    huge = made_event(2, usage=Usage(input_tokens=2**70))
    put(store, [made_event(0), odd, huge, made_event(3)])
    assert ["gpt-4o", "a\ufffdb\ufffdc", "gpt-4o"] == [event.requested_model for event in kept(store)]
    assert (dataclasses.replace(step, why='"\ufffd\\u0000'),) == kept(store)[1].steps
    assert (1, 0, "") == (
        store.writer.health().refused,
        store.writer.health().waiting,
        store.writer.health().why,
    )


def test_feedback_is_kept_with_the_calls_route_and_tier(store):
    """A judgement finds its call even when that came a moment before."""
    said = Judgement(
        request_id="req_0", key_id="alpha", at=NOON, label="bil\x00ling", correct=False, score=0.5
    )
    store.writer.put(made_event(0), run=None, seq=None, is_logged=False)
    asyncio.run(store.feedback.keep(said, ALPHA))
    (judged,) = asyncio.run(store.readings.feedback(None))
    assert ("tickets", "tickets", "alpha") == (judged.route, judged.tier, judged.owner)
    assert dataclasses.replace(said, label="bil\ufffdling") == judged.judgement


def test_feedback_on_an_unknown_or_a_strangers_call_is_not_found(store):
    """What another key asked cannot be told from what nobody asked."""
    put(store, [made_event(0)])
    for request_id, caller in (("req_0", Caller(key_id="beta")), ("req_9", ALPHA)):
        said = Judgement(request_id=request_id, key_id=caller.key_id, at=NOON, correct=True)
        with pytest.raises(NotFound):
            asyncio.run(store.feedback.keep(said, caller))
    assert [] == asyncio.run(store.readings.feedback(None))


def test_an_admins_judgement_belongs_to_the_owner_of_the_call(store):
    """It is seen by who asked, and says who judged."""
    put(store, [made_event(0)])
    asyncio.run(
        store.feedback.keep(Judgement(request_id="req_0", key_id="root", at=NOON, correct=True), ADMIN)
    )
    (judged,) = asyncio.run(store.readings.feedback("alpha"))
    assert ("alpha", "root") == (judged.owner, judged.judgement.key_id)


def test_a_ticket_is_answered_once(store):
    """The first answer stays; the second reviewer is told."""
    step = Step(tier="tickets", place=Place.LOCAL, verdict=Verdict.ESCALATED, trust=0.1)

    async def work():
        ticket = await store.reviews.add(made_call(), [step])
        (waiting,) = await store.readings.tickets(None)
        done = await store.reviews.answer(ticket, "billing", by=ADMIN)
        with pytest.raises(BadCall, match="answered already"):
            await store.reviews.answer(ticket, "other", by=ADMIN)
        return (
            ticket,
            waiting,
            done,
            await store.readings.ticket("alpha", ticket),
            await store.readings.tickets(None),
        )

    ticket, waiting, done, read, still_open = asyncio.run(work())
    assert (ticket, (step,), TicketState.OPEN) == (waiting.id, waiting.steps, waiting.state)
    assert made_call().body == waiting.body
    assert ("billing", "root", NOON, TicketState.ANSWERED) == (
        done.answer, done.answered_by, done.answered_at, done.state,
    )  # fmt: skip
    assert done == read
    assert [] == still_open


def test_an_unknown_ticket_is_not_found(store):
    """An id that was never given."""
    with pytest.raises(NotFound):
        asyncio.run(store.reviews.answer("tkt_none", "x", by=ADMIN))


def test_tickets_expire_and_the_queue_is_bounded(settings):
    """A ticket nobody answered in time is closed; beyond the bound calls are refused."""
    with open_store(settings, FakeClock(NOON), most_open=2, patience=timedelta(0)) as store:
        asyncio.run(store.reviews.add(made_call("a"), []))
        asyncio.run(store.reviews.add(made_call("b"), []))
        with pytest.raises(LimitReached):
            asyncio.run(store.reviews.add(made_call("c"), []))
        assert 2 == asyncio.run(store.reviews.expire())
        (first, _) = asyncio.run(store.readings.tickets(None, state=TicketState.EXPIRED))
        with pytest.raises(BadCall, match="expired"):
            asyncio.run(store.reviews.answer(first.id, "late", by=ADMIN))


def test_keys_are_kept_found_and_revoked_for_good(store):
    """A key comes back as it was; revoking keeps the first time; using keeps the latest."""
    key = Key(
        id="abc", name="web", secret_sha256=SHA, created_at=NOON, scopes=frozenset({"call", "view"}),
        models=frozenset({"tickets"}), limits=Limits(requests_per_minute=5, usd_per_day=1.5),
    )  # fmt: skip
    later = NOON + timedelta(hours=1)

    async def work():
        await store.keys.add(key)
        found = await store.keys.find("abc")
        with pytest.raises(OutputError, match="already"):
            await store.keys.add(key)
        await store.keys.touch({"abc": later, "unknown": later})
        await store.keys.touch({"abc": NOON})
        revoked = [await store.keys.revoke("abc", at=at) for at in (NOON, later)]
        unknown = [await store.keys.revoke("' OR 1=1 --", at=NOON), await store.keys.find("a\x00")]
        return found, revoked, unknown, await store.keys.all_keys()

    found, revoked, unknown, every = asyncio.run(work())
    assert key == found
    assert ([True, True], [False, None]) == (revoked, unknown)
    assert [dataclasses.replace(key, revoked_at=NOON, last_used_at=later)] == every


def test_spending_is_summed_per_key(store):
    """Unknown tokens and prices count 0; calls that were refused, or broken off unread, do not count."""
    put(store, [
        *made_events(2, cost_usd=0.5),
        made_event(3, usage=Usage(), cost_usd=None, status=502),
        made_event(4, status=429),
        made_event(5, key_id="beta", usage=Usage(input_tokens=1)),
        made_event(6, key_id="beta", usage=Usage(), cost_usd=None, status=499),
        made_event(7, key_id="beta", usage=Usage(), cost_usd=None, status=499, route=""),
    ])  # fmt: skip
    expected = {"alpha": Spent(requests=3, tokens=30, usd=1.0), "beta": Spent(requests=2, tokens=1)}
    spent = asyncio.run(store.spending.spent_since(NOON))
    assert expected | {"beta": dataclasses.replace(expected["beta"], usd=0.0)} == spent
    assert {} == asyncio.run(store.spending.spent_since(NOON + timedelta(hours=1)))


def test_what_was_put_before_closing_is_there_after_opening(settings):
    """Closing writes what waits."""
    with open_store(settings, FakeClock(NOON)) as store:
        for event in made_events(2500):
            store.writer.put(event, run=None, seq=None, is_logged=False)
    with open_store(settings, FakeClock(NOON)) as store:
        assert 2500 == asyncio.run(store.readings.money(None)).calls


def test_two_gateways_write_to_one_database(settings):
    """Neither loses an event, and each sees the other's keys."""
    with open_store(settings, FakeClock(NOON)) as one, open_store(settings, FakeClock(NOON)) as other:
        for event in made_events(500):
            one.writer.put(event, run="one", seq=int(event.id[4:]), is_logged=True)
            other.writer.put(event, run="other", seq=int(event.id[4:]), is_logged=True)

        async def work():
            made = Key(id="k", name="", secret_sha256=SHA, created_at=NOON)
            await asyncio.gather(one.keys.add(made), other.keys.find("x"))
            return await other.keys.find("k")

        assert "k" == asyncio.run(work()).id
        asyncio.run(one.keys.find("x"))
        assert 1000 == asyncio.run(one.readings.money(None)).calls
