"""Print what local tiers give over HTTP: `python -m bench.gateway.local_tiers`.

A linear rung and an encoder, each behind the whole gateway (key, policy, audit log, store), on one core with
the load on the other; with micro-batches, and one request at a time.
"""

import argparse
import os
import tempfile
from pathlib import Path

from bench.gateway.gateways import MODEL, running
from bench.gateway.load import Load, load
from bench.gateway.local import make_bundle
from bench.gateway.machine import free_port
from bench.gateway.ours import made_home
from bench.proof.tables import markdown

_CONNECTIONS = (1, 16, 64)
_BODY = (
    f'{{"model": "{MODEL}", "messages": [{{"role": "user", "content": '
    '"hello, the card that i ordered two weeks ago still has not come, can you tell me where it is"}]}'
)


def measured(kind: str, *, batch: int | None, seconds: int) -> list[tuple[int, Load]]:
    """Returns the loads by number of connections, after a stretch that warms up."""
    keys: dict[str, object] = {} if batch is None else {"batch": batch}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        run, port = make_bundle(kind, folder), free_port()
        models = {MODEL: {"bundle": str(run), "allow_uncertified": True, **keys}}
        home = made_home(folder, port=port, models=models, tiers={})
        with running(home.command, port=port, folder=folder, core=0, key=home.keys[0]) as gateway:
            found = [
                (
                    connections,
                    load(
                        gateway.url,
                        _BODY,
                        folder=folder,
                        connections=connections,
                        seconds=seconds,
                        core=1,
                        key=gateway.key,
                    ),
                )
                for connections in (16, *_CONNECTIONS)
            ]
    return found[1:]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway.local_tiers", description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="of load, each time (default: 4)")
    seconds = parser.parse_args().seconds
    print(f"Load average before: {os.getloadavg()[0]:.1f}. Stretches of {seconds} s, after one to warm up.\n")
    rows = []
    for kind in ("linear", "encoder"):
        for words, batch in (("micro-batches", None), ("one at a time", 1)):
            for connections, one in measured(kind, batch=batch, seconds=seconds):
                rows.append(
                    (
                        kind,
                        words,
                        connections,
                        f"{one.per_s:,.0f}",
                        f"{one.p50_ms:.2f}",
                        f"{one.p99_ms:.1f}",
                        one.failed,
                    )
                )
    head = ("rung", "asked in", "connections", "requests/s", "p50 ms", "p99 ms", "failed")
    print(markdown("Local tiers over HTTP", head, rows))


if __name__ == "__main__":
    main()
