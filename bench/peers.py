"""Print CLINC150 side by side with what a user would pick instead: `python -m bench.peers --venv FOLDER`.

SetFit and TRACER live in an environment of their own, so that their versions bind nobody here:
`python -m venv FOLDER; FOLDER/bin/pip install -r bench/peers.txt`. Without it their rows say "not
measured". Same splits, same machine, one thread; test is the certify part of the example task.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bench.clinc_linear import Data, microseconds, ours, peer, read
from bench.proof.tables import markdown, share
from suffice.adapt.encoder.weights import find_encoder
from suffice.candidate import Candidate
from suffice.measure import environment
from suffice.models.embedder import Embedder
from suffice.stats.intervals import clopper_pearson_lower, wilson
from suffice.stats.planning import zero_failure_n
from suffice.stats.thresholds import threshold_grid

PER_CLASS, TIMED = 8, 100
# Each text in this many pairs alike and unalike; SetFit's own default oversamples all pairs,
# which takes hours on two cores.
ITERATIONS = 1
# TRACER calibrates at alpha .1; the target is above what the surrogate reaches on all traffic.
TARGET, ALPHA, CALIBRATION_ROWS, REPS, STEPS = 0.97, 0.1, 1_000, 200, 40


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model's line."""

    model: str
    trained_on: int
    right: int
    n: int
    size_bytes: int
    p50_ms: float
    train_s: float

    def cells(self, best: "Row") -> tuple[str, ...]:
        """Returns the cells, with size and time as multiples of `best`'s."""
        bounds = wilson(self.right, self.n)
        return (
            self.model,
            f"{self.trained_on:,}",
            f"{self.right / self.n:.4f} [{bounds.lower:.4f}, {bounds.upper:.4f}], {self.n:,}",
            f"{self.size_bytes:,} ({self.size_bytes / best.size_bytes:.2f}x)",
            f"{self.p50_ms:.2f} ({self.p50_ms / best.p50_ms:.2f}x)",
            f"{self.train_s:.0f}",
        )


def main() -> None:
    """Compare the models, then the gates."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--venv", type=Path, default=Path("build/peers"), help="the peers' environment")
    parser.add_argument("--part", choices=["models", "gates"], help="one table only")
    chosen = parser.parse_args()
    data = read()
    print(f"Machine: {environment.cpu_model()}, {environment.cores()} cores, 1 thread used;", end=" ")
    print(f"load average {os.getloadavg()[0]:.1f}.\n", flush=True)
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        if chosen.part != "gates":
            print(models(data, Path(folder), chosen.venv), flush=True)
        if chosen.part != "models":
            print(gates(data, Path(folder), chosen.venv), flush=True)


def models(data: Data, place: Path, venv: Path) -> str:
    """Returns the table of accuracy, bytes and time, trained on everything and on few examples a class."""
    header = ("model", "trained on", "test accuracy [95% Wilson], n", "bytes", "ms/request, p50", "train s")
    text = ""
    few = Data(parts=data.parts | {"train": first_of_each(data.parts["train"]), "val": []})
    for title, part in (("All training rows", data), (f"{PER_CLASS} examples a class", few)):
        where = place / str(len(part.parts["train"]))
        where.mkdir()
        rows = [row_of(kind, part, where) for kind in ("encoder", "linear", "tf-idf + LR")]
        missing = ""
        if part is few:
            found = setfit(part, where, venv)
            rows += [found] if isinstance(found, Row) else []
            missing = found if isinstance(found, str) else ""
        text += markdown(f"{title}; multiples of the encoder's", header, [r.cells(rows[0]) for r in rows])
        text += f"\n{missing}\n"
    return text + (
        f"SetFit: all-MiniLM-L6-v2, 1 epoch, {ITERATIONS} pair of each kind a text (its default takes hours"
        " here), only on few examples, which it is meant for. tf-idf + LR: words and characters, C = 30; its"
        " bytes are arrays and vocabulary.\n"
    )


def row_of(kind: str, data: Data, place: Path) -> Row:
    """Returns the line of one of our rungs or of scikit-learn's pipeline."""
    method = {"encoder": "head", "linear": "linear"}.get(kind)
    began = time.perf_counter()
    if method is None:
        entrant = peer(kind, data)
    else:
        candidate = Candidate(name=kind, kind=kind, method=method)
        entrant = ours(candidate, data, place=place, teacher=None)
    took = time.perf_counter() - began
    best, _ = entrant.score(data.texts("test"))
    return Row(
        model=f"suffice {kind}" if method else f"scikit-learn {kind}",
        trained_on=len(data.parts["train"]),
        right=int((best == data.classes("test")).sum()),
        n=len(best),
        size_bytes=int(entrant.size_bytes.split(" ")[0].replace(",", "")),
        p50_ms=microseconds(entrant.score, data.texts("test")[:TIMED])[0] / 1000,
        train_s=took,
    )


def first_of_each(pairs: Sequence[Any]) -> list[Any]:
    """Returns a fixed random sample of few rows of each label."""
    order = np.random.default_rng(0).permutation(len(pairs))
    kept: dict[str, list[Any]] = {}
    for index in order:
        rows = kept.setdefault(pairs[index][1], [])
        if len(rows) < PER_CLASS:
            rows.append(pairs[index])
    return [row for rows in kept.values() for row in rows]


def setfit(data: Data, place: Path, venv: Path) -> Row | str:
    """Returns SetFit's line, or why there is none."""
    asked = {
        "weights": str(find_encoder().folder),
        "train": data.parts["train"],
        "test": data.texts("test"),
        "timed": TIMED,
        "iterations": ITERATIONS,
        "threads": 1,
        "folder": str(place / "setfit"),
    }
    (place / "in.json").write_text(json.dumps(asked), encoding="utf-8")
    failed = _asked(venv, "peer_setfit.py", place / "in.json", place / "out.json")
    if failed:
        return f"SetFit: not measured: {failed}"
    found = json.loads((place / "out.json").read_text(encoding="utf-8"))
    gold = [label for _, label in data.parts["test"]]
    return Row(
        model="SetFit",
        trained_on=len(data.parts["train"]),
        right=sum(a == b for a, b in zip(found["answers"], gold, strict=True)),
        n=len(gold),
        size_bytes=found["bytes"],
        p50_ms=float(np.median(found["ms"])),
        train_s=found["train_s"],
    )


def gates(data: Data, place: Path, venv: Path) -> str:
    """Returns the table of kept traffic and broken promises of TRACER's gate and of ours, same scores."""
    weights = find_encoder()
    body = place / "body"
    body.mkdir()
    candidate = Candidate(name="encoder", kind="encoder", method="head")
    small = Data(parts=data.parts | {"train": first_of_each(data.parts["train"]), "val": []})
    del weights
    ours(candidate, small, place=body, teacher=None)
    embedder = Embedder(body / "encoder")
    x = {part: embedder.embed(data.texts(part)).vectors for part in ("train", "val", "test")}
    draws = np.random.default_rng(0).integers(len(x["test"]), size=(REPS, CALIBRATION_ROWS))
    arrays: dict[str, Any] = {f"x_{part}": values for part, values in x.items()}
    arrays |= {f"y_{part}": data.classes(part) for part in x}
    np.savez(place / "in.npz", **arrays, draws=draws, target=np.array(TARGET))
    failed = _asked(venv, "peer_tracer.py", place / "in.npz", place / "out.npz")
    if failed:
        return f"TRACER: not measured: {failed}\n"
    found = np.load(place / "out.npz")
    scores, agrees = found["scores"], found["agrees"].astype(np.float64)
    grid = threshold_grid(found["dev_scores"], steps=STEPS)
    lines = [
        _gate("TRACER's calibration", found["thresholds"], scores, agrees),
        _gate("suffice: exact bounds, fixed sequence", _walked(grid, scores, agrees, draws), scores, agrees),
    ]
    handled, right, took = found["whole"]
    header = ("gate", "mean share kept", "keeps nothing", "agreement of the kept, mean", "violations")
    whole = (
        f"`tracer.fit` end to end on the training rows (method {found['method']}, {took:.0f} s, of its zoo"
        f" logistic regression and one network): keeps {share(int(handled), len(scores))} of"
        f" {len(scores):,} test rows, right on"
        f" {share(int(right), max(int(handled), 1))} of them; target {TARGET:.0%}."
    )
    title = (
        f"At least {TARGET:.0%} of the kept right, alpha {ALPHA}, {CALIBRATION_ROWS:,} calibration rows,"
        f" {REPS} draws from test with replacement; one surrogate, the same scores; truth: all of test"
    )
    return f"{markdown(title, header, lines)}\n{whole}\n"


def _walked(
    grid: Sequence[float], scores: NDArray[np.float64], agrees: NDArray[np.float64], draws: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Returns the boldest threshold of each draw certified from cautious to bold, inf where none.

    The rows kept are binomial given their number, so an exact bound at full alpha holds at each
    step, and the walk ends at the first that misses. It starts where about twice the rows are
    kept that a proof without any failure takes: planned on val's scores, before any draw.
    """
    least = 2 * zero_failure_n(1 - TARGET, ALPHA) / CALIBRATION_ROWS
    start = int(np.ceil(least * STEPS)) - 1
    found = np.full(len(draws), np.inf)
    for draw, rows in enumerate(draws):
        for threshold in grid[start:]:
            kept = agrees[rows][scores[rows] >= threshold]
            if kept.size == 0 or clopper_pearson_lower(int(kept.sum()), kept.size, ALPHA) < TARGET:
                break
            found[draw] = threshold
    return found


def _gate(
    name: str, thresholds: NDArray[np.float64], scores: NDArray[np.float64], agrees: NDArray[np.float64]
) -> tuple[str, ...]:
    """Returns the cells of a gate over its draws, held against all of the pool."""
    kept = np.array([(scores >= t).mean() for t in thresholds])
    truth = np.array([agrees[scores >= t].mean() if np.isfinite(t) else np.nan for t in thresholds])
    n = len(thresholds)
    return (
        name,
        f"{100 * kept.mean():.1f} ± {100 * kept.std() / np.sqrt(n):.1f}%",
        share(int(np.isinf(thresholds).sum()), n),
        f"{100 * np.nanmean(truth):.2f}%" if np.isfinite(truth).any() else "-",
        f"{share(int((truth < TARGET).sum()), n)} of {n}",
    )


def _asked(venv: Path, script: str, given: Path, found: Path) -> str:
    """Runs a script by the peers' Python; returns why it did not work, or nothing."""
    python = venv / "bin" / "python"
    if not python.is_file():
        return f"no environment at {venv}; see bench/peers.txt"
    here = Path(__file__).parent
    limits = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    try:
        done = subprocess.run(
            [str(python.absolute()), str(here / script), str(given), str(found)],
            capture_output=True,
            text=True,
            timeout=1_500,
            check=False,
            env=os.environ | limits,
        )
    except subprocess.TimeoutExpired:
        return "it took more than 1,500 s"
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it said nothing"])[-1]


if __name__ == "__main__":
    main()
