"""kill -9 while events and feedback are written: what was acknowledged is there, and the chain verifies."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from suffice.certify.signature import keys_in
from suffice.serve.audit.reading import events_after
from suffice.serve.audit.verify import verify
from suffice.serve.store.records import Filter
from tests.gateway import postgres
from tests.gateway.acknowledging import opened

ROOT = Path(__file__).parents[2]
KILLS = 3


def work_and_be_killed(folder, url, run, *, seconds):
    """Returns the acknowledgements of a process that was killed after some time under load."""
    out = folder / f"{run}.out"
    command = [sys.executable, "-m", "tests.gateway.acknowledging", str(folder), url, run]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    with out.open("wb") as file, subprocess.Popen(command, stdout=file, cwd=ROOT, env=environment) as process:
        try:
            ends = time.monotonic() + 60
            while b"feedback" not in out.read_bytes():
                assert process.poll() is None
                assert time.monotonic() < ends
                time.sleep(0.02)
            time.sleep(seconds)
        finally:
            process.send_signal(signal.SIGKILL)
    said = [line.split() for line in out.read_text().splitlines()]
    return {kind: {name for what, name in said if what == kind} for kind in ("event", "feedback")}


def everything_kept(folder, url):
    """Returns the ids of the events and of the feedback in the store, opened again."""
    journal, store = opened(folder, url)
    try:
        while store.writer.health().behind:
            time.sleep(0.01)
        events = asyncio.run(store.readings.events(None, Filter(limit=10**6)))
        feedback = asyncio.run(store.readings.feedback(None, limit=10**6))
    finally:
        journal.close()
        store.close()
    return [kept.event.id for kept in events], {kept.judgement.request_id for kept in feedback}


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nothing_acknowledged_is_lost_in_a_kill(tmp_path, database):
    """Killed three times under load, each time going on in the same log and store."""
    if database == "sqlite":
        check(tmp_path, f"sqlite:///{tmp_path}/store.sqlite")
        return
    if why := postgres.missing():
        pytest.skip(why)
    with postgres.server() as server:
        check(tmp_path, server.new_url())


def check(folder, url):
    """Kills, and looks for everything that had been acknowledged."""
    events, feedback = set(), set()
    for number in range(KILLS):
        said = work_and_be_killed(folder, url, f"run{number}", seconds=0.3 + 0.1 * number)
        events |= said["event"]
        feedback |= said["feedback"]
    logged = [event.id for _, _, event in events_after(folder / "log", -1)]
    stored, judged = everything_kept(folder, url)
    found = verify(folder / "log", keys_in(folder / "keys").private.public_key())
    assert [] == [made for made in found.checks if not made.is_met]
    assert len(events) > 100
    assert len(feedback) > 3
    assert set() == events - set(logged)
    assert set() == events - set(stored)
    assert sorted(logged) == sorted(stored)
    assert set() == feedback - judged
