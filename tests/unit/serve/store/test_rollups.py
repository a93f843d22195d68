"""The sums beside the events: they say what the events say, once, however the events came."""

import asyncio
import dataclasses
import math
from datetime import timedelta

import pytest
import sqlalchemy as sa

from suffice.clock import FakeClock
from suffice.ports import Usage
from suffice.serve.key import Spent
from suffice.serve.store import batches, database, migrate, rollups
from suffice.serve.store.batches import Item
from suffice.serve.store.opened import open_store
from suffice.serve.store.records import Span
from suffice.serve.store.rows import EVENT_COLUMNS, of_event
from tests.unit.serve.made_events import NOON, made_event, made_events

HOUR = NOON.replace(minute=0, second=0, microsecond=0)


def put(store, events, *, run=None):
    """Gives events to the store, and waits until they are committed."""
    for seq, event in enumerate(events):
        store.writer.put(event, run=run, seq=None if run is None else seq, is_logged=run is not None)
    asyncio.run(store.keys.find("nobody"))


def calls(store, key_id=None, **span):
    """Returns how many calls the pages see in a span."""
    return asyncio.run(store.readings.money(key_id, span=Span(**span))).calls


@pytest.mark.parametrize("latency_ms", [0.02, 0.5, 1.0, 3.14159, 250.0, 59_999.0, 3.6e6])
def test_a_class_of_latencies_is_within_1_percent_of_what_is_in_it(latency_ms):
    """Also at both ends of a class."""
    for value in (latency_ms, math.nextafter(latency_ms, 0), latency_ms * 1.0199):
        assert pytest.approx(value, rel=0.01) == rollups.latency_of(rollups.class_of(value))


@pytest.mark.parametrize("odd", [float("nan"), float("-inf"), -1.0, 0.0])
def test_what_is_no_latency_is_in_the_shortest_class(odd):
    """Nothing that an event holds may stop the writer."""
    assert (0, 0.01) == (rollups.class_of(odd), rollups.latency_of(rollups.class_of(odd)))
    assert 1e9 * 0.98 < rollups.latency_of(rollups.class_of(float("inf")))


def test_an_event_that_comes_twice_is_counted_once(store):
    """As it does when a log is taken over; the others of its batch are counted."""
    put(store, made_events(5), run="r1")
    put(store, made_events(8), run="r1")
    assert 8 == calls(store)


def test_an_event_that_the_database_refuses_is_not_counted(store):
    """Its numbers are in no sum."""
    huge = made_event(1, usage=Usage(input_tokens=2**70))
    put(store, [made_event(0), huge, made_event(2)])
    money = asyncio.run(store.readings.money(None))
    assert (2, 24) == (money.calls, money.input_tokens)


def test_sums_beyond_64_bits_do_not_stop_the_writer(store):
    """What servers claim of their tokens may add up to anything."""
    put(store, [made_event(n, usage=Usage(input_tokens=2**62, output_tokens=2**62)) for n in range(4)])
    assert (4, 2**64) == (calls(store), asyncio.run(store.readings.money(None)).input_tokens)
    assert "" == store.writer.health().why


def test_sums_grow_over_batches_and_openings(settings):
    """Each opening adds to rows of its own; pages see them together."""
    for number in range(3):
        with open_store(settings, FakeClock(NOON)) as store:
            put(store, made_events(2))
            put(store, made_events(2, key_id="beta"))
            assert ((number + 1) * 4, (number + 1) * 2) == (calls(store), calls(store, "beta"))


def test_windows_of_half_hours_and_of_minutes_say_the_same(store):
    """Long windows are read from half hours, others from minutes."""
    put(store, [made_event(n, at=HOUR + timedelta(minutes=7 * n)) for n in range(20)])
    whole = {"since": HOUR + timedelta(minutes=30), "until": HOUR + timedelta(minutes=90)}
    assert 8 == calls(store, **whole)
    assert 8 == calls(store, since=HOUR + timedelta(minutes=29), until=HOUR + timedelta(minutes=91))
    assert 1 == calls(store, since=HOUR + timedelta(minutes=7), until=HOUR + timedelta(minutes=8))
    for bucket_s in (60, 1800, 3600):
        found = asyncio.run(store.readings.traffic(None, bucket_s=bucket_s))
        assert (20, set()) == (
            sum(part.calls for part in found),
            {part.at.timestamp() % bucket_s for part in found} - {0.0},
        )


def test_what_was_given_up_unread_is_in_the_sums_that_budgets_read(settings):
    """Another gateway, and the next start, know of it too; pages show what is known alone."""
    with open_store(settings, FakeClock(NOON)) as store:
        put(store, [made_event(0, usage=Usage(), status=499, budget_tokens=70, budget_usd=0.5)])
    with open_store(settings, FakeClock(NOON)) as store:
        spent = asyncio.run(store.spending.spent_since(HOUR))
        assert {"alpha": Spent(requests=1, tokens=70, usd=0.5)} == spent
        assert 0 == (asyncio.run(store.readings.money(None)).input_tokens or 0)


def test_a_span_that_begins_within_a_minute_begins_with_it(store):
    """Sums know no seconds: budgets and pages begin at whole minutes."""
    put(store, made_events(1))
    spent = asyncio.run(store.spending.spent_since(NOON.replace(second=59)))
    assert {"alpha": Spent(requests=1, tokens=15, usd=0.0)} == spent


def test_events_kept_before_there_were_sums_are_added_up_at_the_next_opening(settings):
    """A database of version 2, in several transactions; once."""
    engine = database.engine(settings)
    migrate.migrate(engine, to="0002")
    table = sa.table("events", *(sa.column(name) for name in EVENT_COLUMNS))
    with engine.begin() as connection:
        rows = [of_event(event, None, None) for event in made_events(25, steps=())]
        values = [dict(zip(EVENT_COLUMNS, row, strict=True)) for row in rows]
        connection.execute(sa.insert(table), values)
    migrate.migrate(engine)
    rollups.fill(engine, rows=10)
    engine.dispose()
    for _ in range(2):
        with open_store(settings, FakeClock(NOON)) as store:
            assert (25, 25) == (calls(store), calls(store, "alpha"))


def test_sums_are_right_after_a_transaction_that_failed(settings):
    """What was added in memory was not kept: it is read again."""
    engine = database.engine(settings)
    migrate.migrate(engine)
    sums = rollups.Sums("writer")

    def fail(_connection):
        raise OSError("the disk is full")

    for number in range(4):
        items = [Item(made_event(number), None, None, is_logged=False)]
        if number % 2:
            with pytest.raises(OSError, match="full"):
                batches.write(engine, items, sums, fail)
        assert (0, None) == batches.write(engine, items, sums, lambda _connection: None)
    engine.dispose()
    with open_store(settings, FakeClock(NOON)) as store:
        assert (4, 4) == (calls(store), len(asyncio.run(store.readings.events(None))))


def test_merging_adds_every_sum():
    """A sum that is added to `Part` is merged, kept and read back."""
    one, other = rollups.Part(), rollups.Part()
    for number in range(3):
        one.add(made_event(number, escalated=True))
        other.add(made_event(number, status=500))
    both = dataclasses.replace(one, latencies=dict(one.latencies))
    both.merge(other)
    assert [getattr(one, name) + getattr(other, name) for name in rollups.SUMS] == [
        getattr(both, name) for name in rollups.SUMS
    ]
    assert (6, 3, 3) == (both.calls, both.failed, sum(both.latencies.values()))
