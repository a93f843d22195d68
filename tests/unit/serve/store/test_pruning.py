"""Old calls removed from the store: only those, a few at a time, while events come in."""

import asyncio
import dataclasses
from datetime import timedelta

import pytest

from suffice.clock import FakeClock
from suffice.ports import Request
from suffice.serve.call import Call, Caller, Operation
from suffice.serve.judgement import Judgement
from suffice.serve.store.opened import open_store
from suffice.serve.store.pruning import prune
from suffice.serve.store.records import Filter, Span, TicketState
from tests.unit.serve.made_events import NOON, made_event, made_events

CLOCK = FakeClock(NOON)


def ids(store):
    """Returns the calls that are left, oldest first."""
    found = asyncio.run(store.readings.events(None, Filter(limit=1000)))
    return [kept.event.id for kept in reversed(found)]


def put(store, events):
    """Gives events to the store, and waits until they are committed."""
    for event in events:
        store.writer.put(event, run=None, seq=None, is_logged=False)
    asyncio.run(store.keys.find("nobody"))


def removed(store, before, **given):
    """Returns how many calls were removed."""
    return asyncio.run(prune(store.writer, before, CLOCK, **given))


def test_calls_before_a_time_go_and_their_sums_stay(store):
    """Pages still know how many there were."""
    put(store, made_events(25))
    assert 20 == removed(store, NOON + timedelta(seconds=20), rows=7)
    assert [f"req_{number}" for number in range(20, 25)] == ids(store)
    assert 25 == asyncio.run(store.readings.money(None)).calls
    assert 0 == removed(store, NOON + timedelta(seconds=20))


def test_a_call_that_was_written_late_goes_too(store):
    """Numbers do not follow the time where a store was down."""
    put(store, [made_event(100), made_event(3), made_event(101), made_event(1)])
    assert 2 == removed(store, NOON + timedelta(seconds=50), rows=1)
    assert ["req_100", "req_101"] == ids(store)


def test_events_that_come_in_meanwhile_are_kept(store):
    """Each piece is a transaction of its own."""
    put(store, made_events(40))

    async def work():
        pruning = asyncio.create_task(prune(store.writer, NOON + timedelta(seconds=30), CLOCK, rows=2))
        for number in range(40, 60):
            store.writer.put(made_event(number), run=None, seq=None, is_logged=False)
            await asyncio.sleep(0.001)
        return await pruning

    assert 30 == asyncio.run(work())
    asyncio.run(store.keys.find("nobody"))
    assert [f"req_{number}" for number in range(30, 60)] == ids(store)


def test_closed_tickets_go_and_open_ones_and_feedback_stay(store):
    """A ticket holds what the client sent; judgements are what quality is known by."""
    caller = Caller(key_id="alpha")
    call = Call(
        id="req_0", operation=Operation.CHAT, model="m", route="r", caller=caller, body={},
        request=Request(text=""),
    )  # fmt: skip
    put(store, made_events(1))

    async def work():
        closed, waiting = [await store.reviews.add(call, []) for _ in range(2)]
        await store.reviews.answer(closed, "x", by=caller)
        said = Judgement(request_id="req_0", key_id="alpha", at=NOON, correct=True)
        await store.feedback.keep(said, caller)
        await prune(store.writer, NOON + timedelta(days=1), CLOCK)
        answered = await store.readings.tickets(None, state=TicketState.ANSWERED)
        left = await store.readings.tickets(None)
        return waiting, answered, [ticket.id for ticket in left], await store.readings.feedback(None)

    waiting, answered, left, judged = asyncio.run(work())
    assert ([], [waiting], 1) == (answered, left, len(judged))
    assert [] == ids(store)


def test_sums_by_minute_go_after_two_days_and_those_by_half_hour_stay(settings):
    """Only short windows need minutes; an older one is told by half hours, never as nothing."""
    hour = NOON.replace(minute=0, second=0, microsecond=0)
    with open_store(settings, CLOCK) as store:
        put(store, [made_event(0, at=hour + timedelta(minutes=1))])
        put(store, [dataclasses.replace(made_event(1), at=hour + timedelta(days=3))])
        put(store, [dataclasses.replace(made_event(2), at=hour + timedelta(days=3, hours=1))])

        def calls(**span):
            return asyncio.run(store.readings.money(None, span=Span(**span))).calls

        assert 3 == calls()
        assert 3 == calls(since=hour)
        assert 1 == calls(since=hour + timedelta(minutes=1), until=hour + timedelta(minutes=2))
        assert 1 == calls(since=hour + timedelta(days=3, minutes=59))
        assert 0 == calls(
            since=hour + timedelta(days=3, minutes=1), until=hour + timedelta(days=3, minutes=59)
        )


@pytest.mark.parametrize("rows", [1, 1000])
def test_an_empty_store_has_nothing_to_remove(store, rows):
    """Whatever the pieces are."""
    assert 0 == removed(store, NOON, rows=rows)
