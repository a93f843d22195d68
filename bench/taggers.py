"""Both taggers side by side: made of the same rows, tested on the same rows, one row of a table each."""

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from suffice import fingerprint
from suffice.adapt import registry as methods
from suffice.bar import Metric, QualityBar, Target
from suffice.candidate import Candidate
from suffice.measure.latency import LatencyMeter
from suffice.measurement import Measurement
from suffice.models import registry
from suffice.ports import Request, TrainingRows
from suffice.readers.inferred_schema import inferred
from suffice.score.fields import Estimate, field_report
from suffice.score.registry import scoring_of
from suffice.stats.intervals import wilson
from suffice.task import Kind, Sample

TAGGERS = ("tagger", "encoder-tagger")
DEV_SHARE = 0.15
_TIMED = 400


@dataclass(frozen=True, kw_only=True)
class Tested:
    """A tagger of some rows: each test row's worth (1: the whole object is right), values' F1, costs."""

    rows: int
    worth: NDArray[np.float64]
    f1: Estimate
    p50_ms: Measurement
    seconds: float
    bytes: int


def tested(method: str, rows: Sequence[Sample], test: Sequence[Sample]) -> Tested:
    """Returns the tagger that a method makes of rows, a share of which is dev, tested on all test rows."""
    held_out = round(DEV_SHARE * len(rows))
    taught = TrainingRows(
        labels=(), train=rows[held_out:], dev=rows[:held_out], kind=Kind.EXTRACT, schema=inferred(rows)
    )
    with tempfile.TemporaryDirectory() as name, threadpool_limits(1, user_api="blas"):
        folder = Path(name)
        began = time.monotonic()
        methods.method(method).apply(
            Candidate(name=method, kind="tagger", method=method),
            taught,
            out=folder,
            teacher=None,
            seed=0,
            progress=lambda *_: None,
        )
        seconds = time.monotonic() - began
        model = registry.load(folder)
        requests = [Request(text=sample.text) for sample in test]
        answers = asyncio.run(model.answer(requests))
        timed = asyncio.run(LatencyMeter(timed=_TIMED).measure(model, requests))
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    wanted, texts = [sample.target for sample in test], [answer.text for answer in answers]
    bar = QualityBar(metric=Metric.EXACT_MATCH, target=Target.ABSOLUTE, at_least=0.5)
    scores = asyncio.run(scoring_of(bar, Kind.EXTRACT).worth.score(wanted, texts))
    report = field_report(wanted, texts)
    assert report is not None
    return Tested(
        rows=len(rows),
        worth=np.array([score.value for score in scores], dtype=np.float64),
        f1=report.micro.f1,
        p50_ms=next(one for one in timed if one.quantity == "latency_p50_ms"),
        seconds=seconds,
        bytes=size,
    )


def learning_curve(
    train: Sequence[Sample], test: Sequence[Sample], *, sizes: Sequence[int]
) -> dict[int, NDArray[np.float64]]:
    """Prints both taggers of the first rows in each number, and returns the plain one's worth by number."""
    print(_head(test))
    found: dict[int, NDArray[np.float64]] = {}
    gains = []
    for size in sizes:
        made = {method: tested(method, train[:size], test) for method in TAGGERS}
        for method, one in made.items():
            print(_row(method, one), flush=True)
        plain, reader = (made[method].worth for method in TAGGERS)
        gains.append(f"{_difference(reader, plain)} with {size:,} rows")
        found[size] = plain
    print(f"\nWhole objects right with the encoder against without it, paired: {'; '.join(gains)}.")
    return found


def samples(path: Path) -> list[Sample]:
    """Returns the rows of a JSON Lines file with `text` and `target`."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Sample(key=fingerprint.of_text(f"{n} {r['text']}"), text=r["text"], target=r["target"])
        for n, r in enumerate(rows)
    ]


def _head(test: Sequence[Sample]) -> str:
    """Returns what stands above the rows of the table."""
    return (
        f"Both taggers on all {len(test):,} test rows; `encoder-tagger` adds what the first three layers of "
        f"all-MiniLM-L6-v2, frozen and in 8 bits, say of each word. Smaller sets are parts of larger ones; "
        f"of each {DEV_SHARE:.0%} are dev, on which confidence is set. 95% intervals in brackets; latency is "
        f"the median of up to {_TIMED} requests, one at a time on one thread.\n\n"
        "| rows | tagger | whole objects right | values, F1 | p50 | made in | size |\n"
        "|---|---|---|---|---|---|---|"
    )


def _row(method: str, found: Tested) -> str:
    """Returns one row of the table."""
    ends = wilson(int(found.worth.sum()), len(found.worth))
    right = f"{found.worth.mean():.1%} ({ends.lower:.1%} to {ends.upper:.1%})"
    f1, p50 = _with_ends(found.f1, 100, "%"), _with_ends(found.p50_ms, 1, "")
    return (
        f"| {found.rows:,} | {method} | {right} | {f1} | {p50} ms, n {found.p50_ms.n} | "
        f"{found.seconds:.0f} s | {found.bytes / 1e6:.2f} MB |"
    )


def _difference(worth: NDArray[np.float64], other: NDArray[np.float64], *, seed: int = 0) -> str:
    """Returns how many points more of the rows one is right on, with a paired bootstrap's 95% interval."""
    gain = worth - other
    rng = np.random.default_rng(seed)
    means = [gain[rng.integers(0, len(gain), len(gain))].mean() for _ in range(2000)]
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{100 * gain.mean():+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"


def _with_ends(found: Measurement | Estimate, scale: float, unit: str) -> str:
    assert found.value is not None
    assert found.interval is not None
    low, high = scale * found.interval.lower, scale * found.interval.upper
    return f"{scale * found.value:.1f}{unit} ({low:.1f}{unit} to {high:.1f}{unit})"
