"""Print how the gateway stands malformed requests and streams: `python -m bench.gateway.fuzz`.

Requests are wrong in one way each and sent over raw sockets; streams of the server behind are cut,
stalled and garbled. Counted is what must not be: a 500, a hang, a traceback, an unclean error, and
memory that grows.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from bench.gateway.garbled import SOUND, STALL_S, TEXT, WAYS
from bench.gateway.gateways import Running, running
from bench.gateway.local import make_bundle
from bench.gateway.machine import free_port
from bench.gateway.malformed import Maker
from bench.gateway.ours import Home, made_home
from bench.gateway.raw_http import Line, Said

_LOCAL, _REMOTE = "local", "remote"
_PATIENCE_S = 10.0
_EXAMPLES = 4  # of each fault
_LOOK_S = 0.25  # between two looks at the gateway
_LIMITS = {"slow_header_s": 1, "slow_body_s": 1, "slow_reader_s": 5, "keep_alive_s": 1}
_TRACES = (b"Traceback", b'File "/', b'.py", line')


@dataclass(kw_only=True)
class Found:
    """What came of requests or streams: how they ended, by way, and what must not be."""

    ends: dict[str, Counter[str]] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def end(self, way: str, how: str) -> None:
        """Counts one end."""
        self.ends.setdefault(way, Counter())[how] += 1

    def fault(self, what: str, way: str, sent: object) -> None:
        """Counts what must not be, and keeps the first few."""
        self.faults[what] += 1
        if self.faults[what] <= _EXAMPLES:
            self.examples.append(f"{what} ({way}): {sent!r}"[:600])

    @property
    def count(self) -> int:
        """Returns how many there were."""
        return sum(sum(ends.values()) for ends in self.ends.values())


def judge(said: Said, found: Found, *, way: str, sent: bytes) -> None:
    """Counts how one request ended."""
    status = said.status
    if not said.is_over:
        found.fault("hang", way, (round(time.monotonic(), 1), sent))
    if status == 500:
        found.fault("500", way, sent)
    if any(trace in said.raw for trace in _TRACES):
        found.fault("traceback", way, sent)
    is_page = b"content-type: application/json" not in said.raw.lower()
    if status is not None and status >= 400 and not is_page and not sent.startswith(b"HEAD "):
        try:
            is_clean = "error" in (told := json.loads(said.body)) or "troubles" in told
        except ValueError:
            is_clean = False
        if not is_clean:
            found.fault("unclean error", way, (sent[:300], said.raw[:300]))
    found.end(way, "closed" if status is None else str(status))


async def requests(port: int, key: str, *, count: int, seed: int, workers: int) -> Found:
    """Returns what came of malformed requests."""
    found, left = Found(), count

    async def work(number: int) -> None:
        nonlocal left
        maker = Maker(seed * 1000 + number, port=port, key=key, models=(_LOCAL, _LOCAL, _REMOTE, "nobody"))
        line = Line(port, patience_s=_PATIENCE_S)
        while left > 0:
            left -= 1
            one = maker.next()
            said = await line.ask(one.raw, keeps=one.is_framed, cuts=one.is_cut)
            judge(said, found, way=one.way, sent=one.raw)
        await line.close()

    await asyncio.gather(*(work(number) for number in range(workers)))
    return found


async def streams(port: int, key: str, *, count: int, workers: int) -> Found:
    """Returns what came of garbled streams."""
    found, numbers = Found(), iter(range(count))

    async def work() -> None:
        line = Line(port, patience_s=_PATIENCE_S)
        for number in numbers:
            turn = {"role": "user", "content": f"stream {number}"}
            body = {"model": _REMOTE, "stream": True, "messages": [turn]}
            raw = json.dumps(body).encode()
            head = (
                f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
                f"authorization: Bearer {key}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(raw)}\r\n\r\n"
            )
            said = await line.ask(head.encode() + raw, keeps=True, cuts=False)
            judge_stream(said, found, number=number)
        await line.close()

    await asyncio.gather(*(work() for _ in range(workers)))
    return found


def judge_stream(said: Said, found: Found, *, number: int) -> None:
    """Counts how one stream ended, and whether its words are those that were sent."""
    way = WAYS[number % len(WAYS)]
    if b"text/event-stream" not in said.raw:
        judge(said, found, way=way, sent=b"")
        return
    if not said.is_over:
        found.fault("hang", way, number)
    if any(trace in said.raw for trace in _TRACES):
        found.fault("traceback", way, number)
    try:
        events = [
            line.removeprefix("data: ")
            for line in said.body.decode().split("\n\n")
            if line.startswith("data: ")
        ]
        chunks = [json.loads(event) for event in events if event != "[DONE]"]
    except ValueError:
        found.fault("events that are no JSON", way, (number, said.raw[-300:]))
        return
    is_done, has_error = events[-1:] == ["[DONE]"], any("error" in chunk for chunk in chunks)
    if is_done == has_error:
        found.fault("neither end nor error, or both", way, (number, said.raw[-300:]))
    if way in SOUND and not (is_done and _words(chunks) == TEXT):
        found.fault("other words than were sent", way, (number, said.raw[-300:]))
    found.end(way, "[DONE]" if is_done else "error event")


def _words(chunks: list[dict[str, Any]]) -> str:
    choices = [choice for chunk in chunks for choice in chunk.get("choices") or ()]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


@dataclass(kw_only=True)
class Watched:
    """What was seen of the gateway, and of who asks it, meanwhile: a hang of either looks like the gateway's.

    `own_s`: the longest time this process stood still; `idle_s`: the longest that the gateway did nothing.
    """

    resident: list[int] = field(default_factory=list)
    own_s: float = 0.0
    idle_s: float = 0.0


async def watched(work: Awaitable[Found], gateway: Running) -> tuple[Found, Watched]:
    """Returns what came of it, and what was seen meanwhile."""
    seen = Watched()

    async def watch() -> None:
        looked_s = busy_s = time.monotonic()
        taken_s = gateway.cpu_s
        while True:
            seen.resident.append(gateway.resident_bytes)
            await asyncio.sleep(_LOOK_S)
            now_s, now_taken_s = time.monotonic(), gateway.cpu_s
            seen.own_s = max(seen.own_s, now_s - looked_s - _LOOK_S)
            if now_taken_s > taken_s:
                busy_s, taken_s = now_s, now_taken_s
            seen.idle_s, looked_s = max(seen.idle_s, now_s - busy_s), now_s

    watching = asyncio.create_task(watch())
    try:
        return await work, seen
    finally:
        watching.cancel()


def report(found: Found, seen: Watched, *, title: str, seconds: float, unit: str) -> str:
    """Returns the table of what there was."""
    faults = ", ".join(f"**{what}: {count}**" for what, count in sorted(found.faults.items())) or "none"
    lines = [
        f"### {title}",
        "",
        f"{found.count:,} {unit} in {seconds:.0f} s. What must not be (a 500, a hang of {_PATIENCE_S:g} s,",
        f"a traceback, an error in no form, broken events, other words): {faults}.",
        _memory(seen.resident),
        f"Longest standstill: of the gateway {seen.idle_s:.1f} s, of who asked it {seen.own_s:.1f} s.",
        "",
        "| what is wrong | n | ends |",
        "|---|---|---|",
    ]
    for way, ends in found.ends.items():
        told = ", ".join(f"{how}: {count:,}" for how, count in sorted(ends.items()))
        lines.append(f"| {way} | {sum(ends.values()):,} | {told} |")
    return "\n".join([*lines, *(f"- {example}" for example in found.examples), ""])


def _memory(resident: list[int]) -> str:
    """Returns how the memory went: after a warm-up of a tenth, the median of each quarter of the run."""
    kept = resident[len(resident) // 10 :]
    ends = [len(kept) * quarter // 4 for quarter in range(5)]
    medians = [statistics.median(kept[low:high] or resident) for low, high in itertools.pairwise(ends)]
    told = ", ".join(f"{median / 2**20:.1f}" for median in medians)
    change = f"{100 * (medians[-1] / medians[0] - 1):+.1f}%"
    return f"Memory after a warm-up (median resident of each quarter of the run): {told} MiB, {change}."


def site_in(folder: Path, *, port: int, behind: int) -> Home:
    """Returns a site with a bundle, a server, everything on and little patience."""
    server = {
        "kind": "upstream",
        "base_url": f"http://127.0.0.1:{behind}/v1",
        "model": "garbled-1",
        "idle_s": STALL_S / 2,
        "total_s": 8,
        "attempts": 1,
        "queue": 1000,
    }
    models: dict[str, object] = {
        _REMOTE: {"tiers": ["behind"], "timeout_s": 8},
        _LOCAL: {"bundle": str(make_bundle("linear", folder)), "allow_uncertified": True},
    }
    home = made_home(folder, port=port, models=models, tiers={"behind": server})
    site = yaml.safe_load(home.site.read_text())
    site["limits"] |= _LIMITS
    home.site.write_text(yaml.safe_dump(site))
    return home


def main() -> None:
    """Run both and print what came of them."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway.fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--streams", type=int, default=3_000)
    parser.add_argument("--workers", type=int, default=48)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder, port, behind = Path(place), free_port(), free_port()
        home = site_in(folder, port=port, behind=behind)
        server = subprocess.Popen(
            [sys.executable, "-m", "bench.gateway.garbled", str(behind), str(chosen.seed)]
        )
        never_alone = (sys.executable, "-m", "bench.gateway.without_breaker", str(home.site))
        parts: list[tuple[str, str, Sequence[str], Callable[..., Awaitable[Found]], int]] = [
            (
                "Malformed requests",
                "requests",
                home.command,
                partial(requests, seed=chosen.seed),
                chosen.requests,
            ),
            ("Garbled streams of a server", "streams", never_alone, streams, chosen.streams),
        ]
        try:
            for title, unit, command, part, count in parts:
                with running(command, port=port, folder=folder, core=None) as gateway:
                    began = time.monotonic()
                    work = part(port, home.keys[0], count=count, workers=chosen.workers)
                    found, seen = asyncio.run(watched(work, gateway))
                    took = time.monotonic() - began
                log = (folder / "gateway.log").read_text(encoding="utf-8", errors="replace")
                print(report(found, seen, title=title, seconds=took, unit=unit))
                print(f"Tracebacks in the gateway's own log: {log.count('Traceback')}.", flush=True)
            print(f"\nAudit log: {home.verified()}.")
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    main()
