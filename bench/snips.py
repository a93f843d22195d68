"""SNIPS to {intent, slots} by `suffice run`: verdict, figures of each rung, and how long it all took.

`python -m bench.snips` runs examples/snips.yaml as it stands, then makes both taggers of 64, 512 and all
train rows. `--decoders` lists the tagger and decoders
trained from scratch (about 0.3, 1 and 3 million parameters) instead: the frontier of size against quality.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import yaml

from bench import taggers
from examples import prepare
from suffice.pipeline.run import RunSettings, run_task
from suffice.report.facts import CandidateFacts, Facts, ShareFacts

EXAMPLE = Path(prepare.__file__).parent / "snips.yaml"
DEPTHS = (2, 4, 6)
SIZES = (64, 512)


def main() -> None:
    """Print the run as a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.snips", description=__doc__)
    parser.add_argument("--decoders", action="store_true", help="with decoders trained from scratch")
    chosen = parser.parse_args()
    source = Path(os.environ.get("SUFFICE_DATA", "../shared/data"))
    with tempfile.TemporaryDirectory() as folder:
        place = prepare.snips(source, Path(folder))[0].parent
        task = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
        task["data"] = {split: str(place / f"{split}.jsonl") for split in ("train", "dev", "certify")}
        if chosen.decoders:
            tiny = [{"kind": "gguf", "name": f"tiny-{depth}", "depth": depth} for depth in DEPTHS]
            task["ladder"] = [{"kind": "tagger"}, *tiny]
        (place / "task.yaml").write_text(yaml.safe_dump(task), encoding="utf-8")
        settings = RunSettings(offline=True, account=place / "account.sqlite")
        began = time.monotonic()
        outcome = run_task(
            place / "task.yaml", out=place / "run", settings=settings, progress=lambda *_: None
        )
        _print(outcome.facts, seconds=time.monotonic() - began)
        if not chosen.decoders:
            _by_rows(place)


def _by_rows(place: Path) -> None:
    """Prints both taggers by training rows, tested on the official test rows."""
    train, test = taggers.samples(place / "train.jsonl"), taggers.samples(place / "certify.jsonl")
    order = np.random.default_rng(0).permutation(len(train))
    print("\n### Taggers by training rows\n")
    taggers.learning_curve([train[at] for at in order], test, sizes=(*SIZES, len(train)))


def _print(facts: Facts, *, seconds: float) -> None:
    data, evidence = facts.data, facts.evidence
    print(
        f"{data.train:,} train, {data.dev:,} dev and {data.certify:,} certify rows, near-duplicates left "
        f"out; the official "
        f"test rows certify. Everything took {seconds:.0f} s. {facts.sentence} The test took "
        f"{evidence.n:,} rows.\n"
    )
    print(
        "| rung | whole objects right | rows | p50 / p95 | memory | size | verdict |\n"
        "|---|---|---|---|---|---|---|"
    )
    for candidate in facts.candidates:
        print(_row(candidate))
    print("\n| values, all fields | precision | recall | F1 | valid JSON |\n|---|---|---|---|---|")
    for found in facts.extraction:
        cells = (found.micro.precision, found.micro.recall, found.micro.f1, found.valid_json)
        print(f"| {found.model}, {found.split}, n {found.n:,} | {' | '.join(map(_share, cells))} |")


def _row(candidate: CandidateFacts) -> str:
    quality, latency = candidate.quality, candidate.latency_ms
    right = "not measured" if quality is None else _ends(quality.estimate, quality.lower, quality.upper)
    rows = "" if quality is None else f"{quality.n:,} {quality.split}"
    times = "not measured"
    if latency is not None and latency.p50 is not None and latency.p95 is not None:
        times = f"{latency.p50:.1f} / {latency.p95:.1f} ms"
    memory, size = (
        "not measured" if n is None else f"{n / 1e6:.2f} MB"
        for n in (candidate.memory_bytes, candidate.bytes)
    )
    return (
        f"| {candidate.name} | {right} | {rows} | {times} | {memory} | {size} | {candidate.verdict.value} |"
    )


def _share(share: ShareFacts | None) -> str:
    return "none" if share is None else _ends(share.estimate, share.lower, share.upper)


def _ends(value: float, lower: float, upper: float) -> str:
    return f"{value:.1%} ({lower:.1%} to {upper:.1%})"


if __name__ == "__main__":
    main()
