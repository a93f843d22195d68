"""Print what the gateway adds to a call: `python -m bench.gateway [--litellm PROGRAM]`.

A bare pass-through, suffice with everything on, and litellm's proxy stand before the same server (nginx with
fixed bytes), one process each on one core; load and server share the other. wrk and nginx come from the
system's packages; litellm lives in an environment of its own (`pip install 'litellm[proxy]==1.106.2'`).
"""

import argparse
import contextlib
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from bench.gateway import gateways
from bench.gateway.gateways import MODEL, Running, running
from bench.gateway.load import Load, body_of, load
from bench.gateway.machine import free_port
from bench.gateway.ours import made_home
from bench.gateway.upstream import upstream
from bench.proof.tables import markdown

_CONNECTIONS = (1, 16, 64)
_GATEWAY_CORE, _LOAD_CORE = 0, 1
_BARE, _OURS, _RIVAL = "bare pass-through", "suffice", "litellm"

Gateway = Callable[[int], AbstractContextManager[Running]]


def compared(folder: Path, *, litellm: Path | None) -> dict[str, Gateway]:
    """Returns the gateways by name, each as what runs it before a server's port."""

    @contextlib.contextmanager
    def suffice(behind: int) -> Iterator[Running]:
        port = free_port()
        place = Path(tempfile.mkdtemp(dir=folder))
        home = made_home(place, port=port, models={MODEL: {"tiers": ["big"]}}, tiers={"big": _big(behind)})
        with running(home.command, port=port, folder=place, core=_GATEWAY_CORE, key=home.keys[0]) as one:
            yield one

    found: dict[str, Gateway] = {
        _BARE: lambda port: gateways.pass_through(port, folder=folder, core=_GATEWAY_CORE),
        _OURS: suffice,
    }
    if litellm is not None:
        found[_RIVAL] = lambda port: gateways.litellm(
            port, program=litellm, folder=folder, core=_GATEWAY_CORE
        )
    return found


def _big(port: int) -> dict[str, object]:
    """Returns the site's keys of the stand-in server."""
    return {
        "kind": "upstream",
        "base_url": f"http://127.0.0.1:{port}/v1",
        "model": "imaginary-large-1",
        "usd_per_1m_input": 2.5,
        "usd_per_1m_output": 10.0,
        "concurrency": 256,
    }


def measured(
    found: dict[str, Gateway], port: int, *, folder: Path, stream: bool, seconds: int, turns: int
) -> dict[tuple[str, int], list[Load]]:
    """Returns the loads by gateway and number of connections; the gateways take turns."""
    loads: dict[tuple[str, int], list[Load]] = {}
    for _ in range(turns):
        for name, gateway in found.items():
            with gateway(port) as taken:
                body = body_of(model=MODEL, stream=stream)
                for connections in (16, *_CONNECTIONS):  # the first warms up
                    before_s = taken.cpu_s
                    one = load(
                        taken.url,
                        body,
                        folder=folder,
                        connections=connections,
                        seconds=seconds,
                        core=_LOAD_CORE,
                        key=taken.key,
                    )
                    cpu_us = 1e6 * (taken.cpu_s - before_s) / max(one.requests, 1)
                    loads.setdefault((name, connections), []).append(replace(one, cpu_us=cpu_us))
                loads[(name, 16)].pop(-2)
    return loads


def table(loads: dict[tuple[str, int], list[Load]], *, title: str, floor: dict[int, Load]) -> str:
    """Returns one table: medians over turns, and each gateway's rate as a share of the bare one's."""
    rows = []
    for (name, connections), turns in loads.items():
        rate = statistics.median(one.per_s for one in turns)
        bare = statistics.median(one.per_s for one in loads[(_BARE, connections)])
        p50 = statistics.median(one.p50_ms for one in turns)
        p99 = statistics.median(one.p99_ms for one in turns)
        cpu_us = statistics.median(one.cpu_us for one in turns)
        low, high = min(one.per_s for one in turns), max(one.per_s for one in turns)
        rows.append(
            (
                name,
                connections,
                f"{rate:,.0f} [{low:,.0f}, {high:,.0f}]",
                f"{rate / bare:.2f}",
                f"{p50:.2f}",
                f"{p99:.1f}",
                f"{p50 - floor[connections].p50_ms:.2f}",
                f"{p99 - floor[connections].p99_ms:.1f}",
                f"{cpu_us:,.0f}",
                sum(one.failed for one in turns),
            )
        )
    head = (
        "gateway",
        "connections",
        "requests/s",
        "of bare",
        "p50 ms",
        "p99 ms",
        "added p50",
        "added p99",
        "cpu us",
    )
    return markdown(title, (*head, "failed"), rows)


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__)
    parser.add_argument("--litellm", type=Path, help="its program, in an environment of its own")
    parser.add_argument("--seconds", type=int, default=4, help="of load, each time (default: 4)")
    parser.add_argument("--turns", type=int, default=3, help="of every gateway (default: 3)")
    chosen = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("two cores are needed: one for the gateway, one for load and server")
    print(f"Load average before: {os.getloadavg()[0]:.1f}. {chosen.turns} turns of {chosen.seconds} s.\n")
    if chosen.litellm is None:
        print("litellm: not measured (no --litellm PROGRAM was given).\n")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        whole, streamed = free_port(), free_port()
        with upstream(folder, whole=whole, streamed=streamed, core=_LOAD_CORE):
            found = compared(folder, litellm=chosen.litellm)
            for title, port, stream in (
                ("Whole replies", whole, False),
                ("Streamed replies", streamed, True),
            ):
                url = f"http://127.0.0.1:{port}/v1/chat/completions"
                floor = {
                    connections: load(
                        url,
                        body_of(model=MODEL, stream=stream),
                        folder=folder,
                        connections=connections,
                        seconds=chosen.seconds,
                        core=_LOAD_CORE,
                        key="",
                    )
                    for connections in _CONNECTIONS
                }
                loads = measured(
                    found, port, folder=folder, stream=stream, seconds=chosen.seconds, turns=chosen.turns
                )
                print(table(loads, title=title, floor=floor), flush=True)


if __name__ == "__main__":
    main()
