"""What keeping a call costs by itself: processor time of the audit log's write and of the store's thread.

`python -m bench.gateway.keeping` measures the tree it runs in, the best of several runs of each.
"""

import argparse
import asyncio
import shutil
import statistics
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from suffice.certify.signature import keys_in
from suffice.clock import SystemClock
from suffice.ports import Usage
from suffice.serve.audit.log import Terms
from suffice.serve.audit.opening import open_log
from suffice.serve.audit.settings import AuditSettings
from suffice.serve.event import Event
from suffice.serve.reply import Place, Step, Verdict
from suffice.serve.store.opened import Store, open_store
from suffice.serve.store.settings import StoreSettings

_SHA = "5e" * 32


def made_events(count: int, *, first: int = 0) -> list[Event]:
    """Returns calls as the load test makes them: a local tier passed them on, a server answered."""
    now = SystemClock().now()
    local = Step(
        tier="tickets",
        place=Place.LOCAL,
        verdict=Verdict.ESCALATED,
        why="trust 0.412 is below 0.73",
        latency_ms=0.31,
        trust=0.412,
        threshold=0.73,
        model="linear",
    )
    remote = Step(
        tier="large", place=Place.REMOTE, verdict=Verdict.ANSWERED, latency_ms=12.25, model="large-1"
    )
    return [
        Event(
            id=f"req_{_SHA[:16]}{number:016x}",  # as the gateway makes them: they come in order
            at=now + timedelta(milliseconds=number),
            key_id=f"key{number % 5}",
            route="tickets",
            operation="chat",
            requested_model="tickets",
            status=200,
            tier="large",
            place=Place.REMOTE,
            model="large-1",
            steps=(replace(local, trust=number % 997 / 997), replace(remote)),
            escalated=True,
            data_classes=frozenset({"email"}) if number % 10 == 0 else frozenset(),
            left_machine=True,
            masked=number % 10 == 0,
            usage=Usage(input_tokens=57, output_tokens=12),
            cost_usd=0.000123,
            reference_usd=0.00123,
            latency_ms=13.5 + number % 7,
            request_sha256=_SHA,
            response_sha256=_SHA,
        )
        for number in range(first, first + count)
    ]


def kept_us(count: int, folder: Path, url: str, *, batch: int, seen: int) -> tuple[float, float]:
    """Returns processor time per event: of `AuditLog.write` in its caller, and of the store's thread.

    Events come `batch` at a time, as in 200 ms of load; `seen` of them are in the store before.
    """
    settings = AuditSettings(folder=folder / "log", anchor=folder / "anchor.json")
    clock = SystemClock()
    with (
        open_log(settings, keys_in(folder / "keys"), clock, Terms()) as log,
        open_store(StoreSettings(url=url), clock) as store,
    ):
        _put(store, made_events(seen), run="seen")
        writer = time.pthread_getcpuclockid(store.writer._thread.ident or 0)  # noqa: SLF001 - nobody else knows
        events = made_events(count, first=seen)
        logged_ns, before = 0, time.clock_gettime_ns(writer)
        for start in range(0, count, batch):
            some = events[start : start + batch]
            began = time.thread_time_ns()
            for event in some:
                log.write(event)
            logged_ns += time.thread_time_ns() - began
            _put(store, some, run="run", first=start)
        stored_ns = time.clock_gettime_ns(writer) - before
    return logged_ns / count / 1000, stored_ns / count / 1000


def _put(store: Store, events: list[Event], *, run: str, first: int = 0) -> None:
    for seq, event in enumerate(events, start=first):
        store.writer.put(event, run=run, seq=seq, is_logged=True)
    asyncio.run(store.keys.find("nobody"))  # comes back once they are committed


def main() -> None:
    """Prints the best and the middle of several runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=240)
    parser.add_argument("--seen", type=int, default=50_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--store", help="an empty PostgreSQL database's address; SQLite otherwise")
    given = parser.parse_args()
    found: list[tuple[float, float]] = []
    for _ in range(given.runs):
        folder = Path(tempfile.mkdtemp(prefix="suffice-keeping-"))
        url = given.store or f"sqlite:///{folder}/store.sqlite"
        try:
            found.append(kept_us(given.events, folder, url, batch=given.batch, seen=given.seen))
        finally:
            shutil.rmtree(folder)
    for what, times in zip(("audit log", "store's writer"), zip(*found, strict=True), strict=True):
        best, middle = min(times), statistics.median(times)
        print(f"{what}: best {best:.1f} us, median {middle:.1f} us an event, {given.runs} runs")


if __name__ == "__main__":
    main()
