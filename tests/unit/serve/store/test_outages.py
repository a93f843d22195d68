"""A database that does not answer: what is awaited fails, what was put waits, nothing lies."""

import asyncio
import itertools
import sqlite3
import time

import pytest

from suffice.clock import FakeClock
from suffice.serve.call import Caller
from suffice.serve.judgement import Judgement
from suffice.serve.store.batches import Item, Source
from suffice.serve.store.down import StoreDown
from suffice.serve.store.opened import open_store
from suffice.serve.store.settings import StoreSettings
from tests.unit.serve.made_events import NOON, made_event, made_events


class Log:
    """An audit log as the store sees it: records it can be asked for again."""

    def __init__(self):
        self.items = []

    def write(self, event):
        """Adds a record."""
        item = Item(event, "run", len(self.items), is_logged=True)
        self.items.append(item)
        return item

    def source(self):
        """Returns it as a source."""
        return Source(
            log="log",
            after=lambda seq: iter([item for item in self.items if item.seq > seq]),
            last=lambda: len(self.items) - 1,
        )


class Blocked:
    """Another program that holds SQLite's write lock: the database cannot be written to."""

    def __init__(self, path):
        self._connection = sqlite3.connect(path, isolation_level=None)

    def __enter__(self):
        self._connection.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(self, *_):
        self._connection.execute("ROLLBACK")
        self._connection.close()


@pytest.fixture
def path(tmp_path):
    """The database's file."""
    return tmp_path / "store.sqlite"


def settings(path, **changes):
    """Settings that give up soon."""
    values = {"flush_ms": 1.0, "busy_timeout_ms": 30} | changes
    return StoreSettings(url=f"sqlite:///{path}", **values)


def wait_until(condition):
    """Waits until something holds, at most some seconds."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(condition)


def test_feedback_is_refused_while_the_database_is_down_and_events_wait(path):
    """503 for what would be acknowledged; the events are written once it answers again."""
    said = Judgement(request_id="req_0", key_id="alpha", at=NOON, correct=True)
    with open_store(settings(path), FakeClock(NOON)) as store:
        with Blocked(path):
            store.writer.put(made_event(0), run=None, seq=None, is_logged=False)
            with pytest.raises(StoreDown) as raised:
                asyncio.run(store.feedback.keep(said, Caller(key_id="alpha")))
            wait_until(lambda: store.writer.health().why)
            health = store.writer.health()
        wait_until(lambda: not store.writer.health().why)
        found = asyncio.run(store.readings.events(None))
        assert [] == asyncio.run(store.readings.feedback(None))
    assert (503, 1, 0) == (raised.value.status, health.waiting, health.lost)
    assert "locked" in health.why
    assert [made_event(0)] == [kept.event for kept in found]


def test_what_did_not_fit_into_memory_is_taken_over_from_the_audit_log(path):
    """The queue is bounded; with a log nothing is lost, and nothing is there twice."""
    log = Log()
    with open_store(settings(path, queue_rows=5), FakeClock(NOON), source=log.source()) as store:
        wait_until(lambda: not store.writer.health().behind)
        with Blocked(path):
            for event in made_events(40):
                item = log.write(event)
                store.writer.put(event, run=item.run, seq=item.seq, is_logged=True)
            assert (5, True) == (store.writer.health().waiting, store.writer.health().behind)
        wait_until(lambda: not store.writer.health().behind and not store.writer.health().waiting)
        assert (40, 0) == (asyncio.run(store.readings.money(None)).calls, store.writer.health().lost)


def test_without_an_audit_log_what_does_not_fit_is_lost_and_counted(path):
    """It is told, and never made up."""
    with open_store(settings(path, queue_rows=5), FakeClock(NOON)) as store:
        with Blocked(path):
            for event in made_events(8):
                store.writer.put(event, run=None, seq=None, is_logged=False)
            assert (5, 3) == (store.writer.health().waiting, store.writer.health().lost)
        wait_until(lambda: not store.writer.health().waiting)
        assert 5 == asyncio.run(store.readings.money(None)).calls


def test_what_a_kill_kept_from_the_store_is_taken_over_at_the_next_start(path):
    """The log has the records, the database's mark says up to where it has them."""
    log = Log()
    with open_store(settings(path), FakeClock(NOON), source=log.source()) as store:
        for event in made_events(10):
            item = log.write(event)
            store.writer.put(event, run=item.run, seq=item.seq, is_logged=True)
    for event in made_events(7):
        log.write(event)  # acknowledged, and then killed before the batch
    with open_store(settings(path), FakeClock(NOON), source=log.source()) as store:
        wait_until(lambda: not store.writer.health().behind)
        assert 17 == asyncio.run(store.readings.money(None)).calls


def test_a_log_that_grows_faster_than_it_is_read_is_taken_over_to_an_end(path):
    """Up to the record that was the last when taking over began; feedback does not wait for more."""
    endless = (Item(made_event(seq), "run", seq, is_logged=True) for seq in itertools.count())
    source = Source(log="log", after=lambda _: endless, last=lambda: 41)
    with open_store(settings(path, batch_rows=10), FakeClock(NOON), source=source) as store:
        wait_until(lambda: not store.writer.health().behind)
        assert 42 == asyncio.run(store.readings.money(None)).calls


def test_feedback_comes_after_every_event_put_before_it(path):
    """However many batches wait: the call it speaks of is there."""
    said = Judgement(request_id="req_49", key_id="alpha", at=NOON, correct=True)
    with open_store(settings(path, batch_rows=2), FakeClock(NOON)) as store:
        for event in made_events(50):
            store.writer.put(event, run=None, seq=None, is_logged=False)
        asyncio.run(store.feedback.keep(said, Caller(key_id="alpha")))
        assert 1 == len(asyncio.run(store.readings.feedback("alpha")))


def test_closing_gives_up_on_a_database_that_does_not_answer(path):
    """It says how many events were left, and does not hang."""
    store = open_store(settings(path), FakeClock(NOON))
    with Blocked(path):
        store.writer.put(made_event(0), run=None, seq=None, is_logged=False)
        assert 1 == store.close()
    with pytest.raises(StoreDown):
        asyncio.run(store.keys.all_keys())


def test_a_read_that_the_database_cannot_answer_is_told(path):
    """Pages get an error, not a driver's traceback."""
    with open_store(settings(path), FakeClock(NOON)) as store:
        other = sqlite3.connect(path)
        other.execute("DROP TABLE events")
        other.close()
        with pytest.raises(StoreDown):
            asyncio.run(store.readings.events(None))


@pytest.mark.slow
def test_a_postgresql_that_was_restarted_is_written_to_again(postgres_server):
    """Events that came meanwhile wait; nothing has to be started again."""
    given = StoreSettings(url=postgres_server.new_url(), flush_ms=1.0)
    with open_store(given, FakeClock(NOON)) as store:
        postgres_server.stop()
        try:
            store.writer.put(made_event(0), run=None, seq=None, is_logged=False)
            wait_until(lambda: store.writer.health().why)
        finally:
            postgres_server.start()
        wait_until(lambda: not store.writer.health().waiting)
        assert 1 == asyncio.run(store.readings.money(None)).calls
