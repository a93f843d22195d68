"""Print how the gateway stands a long load with faults: `python -m bench.gateway.soak [--minutes 30]`.

Several tenants ask, stream, leave, read slowly, send nonsense and judge; the server behind fails in every
way; the store is locked, the disk filled, the server stopped, the clock set. What must not happen is counted.
"""

import argparse
import asyncio
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp

from bench.gateway import faults
from bench.gateway.clients import Clients, Seen
from bench.gateway.gateways import Running, running
from bench.gateway.local import make_bundle
from bench.gateway.machine import free_port
from bench.gateway.ours import Home, made_home

_TENANTS = 4
_REMOTE, _LOCAL = "remote", "local"
_WARM_UP = 1 / 30  # of the time, before memory is looked at


@dataclass(kw_only=True)
class Watched:
    """What was seen of the gateway's process and of the faults."""

    resident_bytes: list[int] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


async def loaded(
    gateway: Running, home: Home, server: int, chosen: argparse.Namespace
) -> tuple[Seen, Watched]:
    """Returns what clients saw and what was watched, after the whole time."""
    seconds = 60.0 * chosen.minutes
    clients = Clients(
        gateway.url.removesuffix("/v1/chat/completions"),
        list(home.keys),
        remote=_REMOTE,
        local=_LOCAL,
        seed=chosen.seed,
    )
    watched = Watched()

    async def watch() -> None:
        await asyncio.sleep(seconds * _WARM_UP)
        while True:
            watched.resident_bytes.append(gateway.resident_bytes)
            await asyncio.sleep(max(1.0, seconds / 600))

    outage = min(20.0, seconds / 20)
    plan: dict[float, tuple[str, Callable[[], Awaitable[None]]]] = {
        seconds * 0.20: ("store locked", partial(faults.store_locked, home.database, seconds=outage)),
        seconds * 0.40: ("server stopped", partial(faults.server_stopped, server, seconds=outage)),
    }
    if home.can_be_filled:
        plan[seconds * 0.55] = ("disk full", partial(faults.disk_full, home.folder, seconds=outage))
    if home.clock is not None:
        plan[seconds * 0.70] = ("clock stepped", partial(faults.clock_stepped, home.clock, seconds=outage))
    watching = asyncio.create_task(watch())
    failing = asyncio.create_task(faults.at_times(plan, heard=watched.faults.append))
    await clients.run(seconds=seconds, workers=chosen.workers, pause_s=chosen.pause)
    await failing
    watching.cancel()
    return clients.seen, watched


def report(seen: Seen, watched: Watched, home: Home, *, leaked: set[str], verified: str) -> str:
    """Returns the table of what must not be, and what there was."""
    kept = set(home.audited())
    with sqlite3.connect(home.database) as connection:
        stored = {row[0] for row in connection.execute("SELECT id FROM events")}
        judged = {row[0] for row in connection.execute("SELECT request_id FROM feedback")}
    third = max(1, len(watched.resident_bytes) // 3)
    first = statistics.median(watched.resident_bytes[:third])
    last = statistics.median(watched.resident_bytes[-third:])
    lines = [
        f"{sum(seen.ends.values()):,} calls; faults: {', '.join(watched.faults)}.",
        "",
        "| what must not be | found | of |",
        "|---|---|---|",
        f"| answers of another tenant | {len(seen.wrong_tenant)} | {len(seen.answered):,} |",
        f"| marks kept on this machine that the server saw | {len(leaked)} | {len(seen.kept_here):,} |",
        f"| answered calls missing in the audit log | {len(seen.answered - kept)} | {len(seen.answered):,} |",
        f"| answered calls missing in the store | {len(seen.answered - stored)} | {len(seen.answered):,} |",
        f"| acknowledged feedback missing | {len(seen.judged - judged)} | {len(seen.judged):,} |",
        f"| ends that were no clean error | {len(seen.unclean)} | {sum(seen.ends.values()):,} |",
        "",
        (
            f"Memory (median resident): first third {first / 2**20:.1f} MiB, last third "
            f"{last / 2**20:.1f} MiB, {100 * (last / first - 1):+.1f}% (goal: within 5%). "
            f"Audit log: {verified}."
        ),
        "",
        "| end | calls |",
        "|---|---|",
        *(f"| {end} | {count:,} |" for end, count in sorted(seen.ends.items())),
    ]
    for title, notes in (("unclean", seen.unclean), ("another tenant's", seen.wrong_tenant)):
        lines += ["", *(f"- {title}: {note}" for note in notes[:8])] if notes else []
    return "\n".join(lines)


async def marks_seen(port: int) -> set[str]:
    """Returns every mark that the server behind the gateway was ever sent."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/seen") as reply:
        return set(await reply.json())


def main() -> None:
    """Run the load and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--workers", type=int, default=32, help="clients at once (default: 32)")
    parser.add_argument("--pause", type=float, default=0.4, help="mean seconds between a client's calls")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with faults.small_disk(folder / "home", mib=1024) as can_be_filled:
            behind, port = free_port(), free_port()
            clock = folder / "clock"
            environment = {**os.environ, **faults.fake_clock(clock)}
            server = subprocess.Popen(
                [sys.executable, "-m", "bench.gateway.hostile", str(behind), str(chosen.seed)]
            )
            try:
                home = made_home(
                    folder,
                    port=port,
                    models={
                        _REMOTE: {"tiers": ["first", "second"], "timeout_s": 15},
                        _LOCAL: {"bundle": str(make_bundle("linear", folder)), "allow_uncertified": True},
                    },
                    tiers={name: _behind(behind) for name in ("first", "second")},
                    keys=_TENANTS,
                )
                home.can_be_filled = can_be_filled
                home.clock = clock if "LD_PRELOAD" in environment else None
                with running(
                    home.command, port=port, folder=folder, core=None, environment=environment
                ) as gateway:
                    seen, watched = asyncio.run(loaded(gateway, home, server.pid, chosen))
                    leaked = asyncio.run(marks_seen(behind)) & seen.kept_here
                print(report(seen, watched, home, leaked=leaked, verified=home.verified()))
            finally:
                server.kill()
                server.wait()


def _behind(port: int) -> dict[str, object]:
    return {
        "kind": "upstream",
        "base_url": f"http://127.0.0.1:{port}/v1",
        "model": "hostile-1",
        "first_byte_s": 5,
        "idle_s": 5,
        "total_s": 10,
    }


if __name__ == "__main__":
    main()
