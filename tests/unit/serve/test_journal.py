"""The journal: one event to everybody, each failing for itself."""

import asyncio
import os
import time

import pytest

from suffice.clock import FakeClock
from suffice.serve.audit.keeper import Keeper
from suffice.serve.audit.verify import verify
from suffice.serve.errors import NobodyAnswered
from suffice.serve.journal import Recorder, source_of
from suffice.serve.store.opened import open_store
from suffice.serve.store.settings import StoreSettings
from tests.unit.serve.audit.conftest import Bench
from tests.unit.serve.made_events import NOON, made_event, made_events


class Opened:
    """A journal over a log and a store in a folder."""

    def __init__(self, folder, *, listeners=(), in_use=frozenset, **changes):
        self.bench = Bench(folder)
        self.log = self.bench.open(**changes)
        settings = StoreSettings(url=f"sqlite:///{folder}/store.sqlite", flush_ms=1.0)
        self.store = open_store(settings, FakeClock(NOON), source=source_of(self.log))
        keeper = Keeper(self.log, FakeClock(NOON))
        self.journal = Recorder(
            log=self.log, keeper=keeper, writer=self.store.writer, listeners=listeners, in_use=in_use
        )

    def close(self):
        """Closes in the gateway's order."""
        self.journal.close()
        self.store.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def calls(self):
        """Returns how many calls the store has."""
        asyncio.run(self.store.keys.find("x"))
        return asyncio.run(self.store.readings.money(None)).calls


def test_log_store_and_listeners_hear_the_same(tmp_path):
    """Each event once, in order."""
    heard = []
    with Opened(tmp_path, listeners=[heard.append]) as opened:
        for event in made_events(5):
            opened.journal.record(event)
        assert 5 == opened.calls()
        health = opened.journal.health()
    assert made_events(5) == heard
    assert 5 == verify(opened.bench.folder, opened.bench.key).events
    assert (True, True, {}) == (health["audit"]["ok"], health["store"]["ok"], health["failures"])


def test_a_listener_that_fails_keeps_nothing_from_the_others(tmp_path):
    """Recording never raises, and health tells."""

    def broken(_event):
        raise ZeroDivisionError

    heard = []
    with Opened(tmp_path, listeners=[broken, heard.append]) as opened:
        opened.journal.record(made_event(0))
        assert 1 == opened.calls()
        failures = opened.journal.health()["failures"]
    assert ([made_event(0)], ["broken"]) == (heard, list(failures))


@pytest.mark.parametrize("required", [True, False])
def test_calls_are_refused_while_a_required_log_cannot_be_written(tmp_path, required):
    """503 and when to come again; the events in flight are held, and written once there is room."""
    with Opened(tmp_path, required=required, sync_s=60) as opened:
        log = opened.log
        opened.journal.check()
        good, log._file = log._file, os.open("/dev/full", os.O_WRONLY)
        opened.journal.record(made_event(0))
        health = opened.journal.health()
        if required:
            with pytest.raises(NobodyAnswered) as raised:
                opened.journal.check()
            assert (503, 5.0) == (raised.value.status, raised.value.retry_after_s)
        else:
            opened.journal.check()
        os.close(log._file)
        log._file = good
        log.retry()
        opened.journal.check()
        assert 1 == opened.calls()
    assert (False, 1) == (health["audit"]["ok"], health["audit"]["held"])
    found = verify(opened.bench.folder, opened.bench.key)
    assert (True, 1) == (found.holds, found.events)


def test_events_the_store_lost_in_a_kill_come_back_from_the_log(tmp_path):
    """The next start takes over what was logged and not yet stored, and only that."""
    with Opened(tmp_path) as opened:
        for event in made_events(3):
            opened.journal.record(event)
    with opened.bench.open() as log:  # the store was never told of these
        for event in made_events(4):
            log.write(event)
    with Opened(tmp_path) as opened:
        while opened.store.writer.health().behind:
            time.sleep(0.005)
        assert 7 == opened.calls()


@pytest.mark.parametrize("served", ["cd", "ef"])
def test_a_swapped_bundle_is_in_the_log_before_its_first_answer(tmp_path, served):
    """Whoever swapped it; a certificate that is not served now is not made good by an answer."""
    with Opened(tmp_path, in_use=lambda: frozenset({served * 32})) as opened:
        opened.journal.record(made_event(0))
        opened.journal.record(made_event(1, certificate="cd" * 32))
    assert (served == "cd") == verify(opened.bench.folder, opened.bench.key).holds


def test_a_gateway_without_an_audit_log_still_keeps_its_events(tmp_path):
    """The store alone."""
    with open_store(StoreSettings(url=f"sqlite:///{tmp_path}/s", flush_ms=1.0), FakeClock(NOON)) as store:
        journal = Recorder(log=None, keeper=None, writer=store.writer)
        journal.check()
        journal.record(made_event(0))
        asyncio.run(store.keys.find("x"))
        assert 1 == asyncio.run(store.readings.money(None)).calls
        assert {"ok": True, "on": False} == journal.health()["audit"]
        journal.close()
