"""Print what a bundle's rungs answer in a thread and in worker processes: `python -m bench.local_tier RUN`.

RUN is a run folder with a bundle, e.g. one of `suffice demo`; each of its rungs is served alone. Closed loop:
so many callers ask one text after the other for some seconds, in the process that also holds the tier;
nothing of HTTP is in it. "Loop late" is how late a timer of 1 ms goes off in that process meanwhile: what
every other request of a gateway would have waited.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import uvloop

from suffice.bundle import cascade_of, open_bundle, write_bundle
from suffice.cascade import REFERENCE, Cascade, Tier
from suffice.ports import Request
from suffice.serve.call import Call, Caller, Operation
from suffice.serve.tiers.bundles.batching import Batching
from suffice.serve.tiers.bundles.bundle_tier import BundleTier
from suffice.serve.tiers.bundles.serving import BundleSettings

_HEADER = (
    "| rung | computed in | batch at most | callers | requests/s | p50 ms | p99 ms | mean batch | n | "
    "loop late p99 ms | gateway cpu us/request | all cpu us/request |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)
_WARM = 50


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What one setting gave."""

    latencies_ms: Sequence[float]
    wall_s: float
    mean_batch: float
    late_ms: Sequence[float]
    here_cpu_s: float
    all_cpu_s: float

    def row(self, name: str, where: str, most: int | str, callers: int) -> str:
        """Returns the table's row."""
        p50, p99 = np.percentile(self.latencies_ms, [50, 99])
        late = f"{np.percentile(self.late_ms, 99):.2f}" if self.late_ms else "-"
        n = len(self.latencies_ms)
        return (
            f"| {name} | {where} | {most} | {callers} | {n / self.wall_s:,.0f} | {p50:.2f} | {p99:.2f} | "
            f"{self.mean_batch:.1f} | {n:,} | {late} | "
            f"{1e6 * self.here_cpu_s / n:,.0f} | {1e6 * self.all_cpu_s / n:,.0f} |"
        )


def rungs_apart(run: Path, out: Path) -> Iterator[tuple[str, Path]]:
    """Yields each local rung's name with a run folder that serves it alone."""
    bundle = run / "bundle"
    spec = open_bundle(bundle).spec
    for number, tier in enumerate(cascade_of(bundle).tiers):
        if tier.model == REFERENCE:
            continue
        alone = out / str(number)
        alone.mkdir(parents=True)
        cascade = Cascade(name=tier.model, tiers=(Tier(model=tier.model),))
        folders = {tier.model: bundle / "model" / "tiers" / str(number)}
        write_bundle(
            alone / "bundle", cascade, folders, spec=spec, rule="gate_or_confidence", reads_chats=False
        )
        yield tier.model, alone


def directly(run: Path, texts: Sequence[str], seconds: float) -> Cell:
    """Returns the model asked for one text after the other, with nothing between."""
    model = open_bundle(run / "bundle").model
    with asyncio.Runner() as runner:

        async def ask() -> Cell:
            latencies_ms: list[float] = []
            start_s, before_cpu_s = time.perf_counter(), time.process_time()
            for text in itertools.cycle(texts):
                before_s = time.perf_counter()
                await model.answer([Request(text=text)])
                latencies_ms.append(1e3 * (time.perf_counter() - before_s))
                if time.perf_counter() - start_s > seconds:
                    break
            wall_s = time.perf_counter() - start_s
            cpu_s = time.process_time() - before_cpu_s
            return Cell(
                latencies_ms=latencies_ms,
                wall_s=wall_s,
                mean_batch=1.0,
                late_ms=(),
                here_cpu_s=cpu_s,
                all_cpu_s=cpu_s,
            )

        return runner.run(ask())


async def asked(tier: BundleTier, texts: Sequence[str], *, callers: int, seconds: float) -> Cell:
    """Returns so many callers asking a tier."""
    latencies_ms: list[float] = []
    late_ms: list[float] = []
    stream = itertools.cycle([_call(text) for text in texts])
    for call in itertools.islice(stream, _WARM):
        await tier.answer(call)
    before, before_cpu_s, before_workers_s = tier.load, time.process_time(), _children_cpu_s()
    start_s = time.perf_counter()
    end_s = start_s + seconds

    async def caller() -> None:
        while (at_s := time.perf_counter()) < end_s:
            await tier.answer(next(stream))
            latencies_ms.append(1e3 * (time.perf_counter() - at_s))

    async def timer() -> None:
        while (at_s := time.perf_counter()) < end_s:
            await asyncio.sleep(0.001)
            late_ms.append(1e3 * (time.perf_counter() - at_s) - 1.0)

    await asyncio.gather(timer(), *(caller() for _ in range(callers)))
    wall_s = time.perf_counter() - start_s
    batches = tier.load.batches - before.batches
    return Cell(
        latencies_ms=latencies_ms,
        wall_s=wall_s,
        mean_batch=len(latencies_ms) / batches,
        late_ms=late_ms,
        here_cpu_s=time.process_time() - before_cpu_s,
        all_cpu_s=time.process_time() - before_cpu_s + _children_cpu_s() - before_workers_s,
    )


def _children_cpu_s() -> float:
    children = psutil.Process().children()
    return float(sum(child.cpu_times().user + child.cpu_times().system for child in children))


def _call(text: str) -> Call:
    return Call(
        id="bench",
        operation=Operation.CHAT,
        model="desk",
        route="desk",
        caller=Caller(key_id="bench"),
        body={"model": "desk", "messages": [{"role": "user", "content": text}]},
        request=Request(text=text),
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--texts", type=Path, required=True, help="JSONL with a field 'text'")
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--processes", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args()
    lines = given.texts.read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines][:1000]
    print(_HEADER)
    with tempfile.TemporaryDirectory() as folder:
        for name, run in rungs_apart(given.run, Path(folder)):
            print(directly(run, texts, given.seconds).row(name, "nothing between", "-", 1), flush=True)
            for processes, most in itertools.product(given.processes, (1, 32)):
                settings = BundleSettings(
                    name=name,
                    folder=run,
                    allow_uncertified=True,
                    processes=processes,
                    batching=Batching(most=most),
                )
                where = f"{processes} process(es)" if processes else "thread"
                for row in uvloop.run(_rows(settings, texts, given)):
                    print(row.format(where=where), flush=True)


async def _rows(settings: BundleSettings, texts: Sequence[str], given: argparse.Namespace) -> list[str]:
    tier = await BundleTier.opened(settings)
    try:
        return [
            (await asked(tier, texts, callers=callers, seconds=given.seconds)).row(
                settings.name, "{where}", settings.batching.most, callers
            )
            for callers in given.callers
        ]
    finally:
        await tier.close()


if __name__ == "__main__":
    main()
