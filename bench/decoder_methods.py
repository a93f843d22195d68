"""Print what small decoders made in several ways give on SNIPS: `python -m bench.decoder_methods`.

Real data from SUFFICE_DATA: an utterance to {intent, slots}; every eighth training row is dev, the 700
validation rows are the test and are looked at once. What is made is kept in --made (default
runs/bench-decoders), and a training that was stopped goes on there: `--only NAME ...` makes some. By
itself the command makes all but the longest one: `--only tiny-8` makes that.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from examples import prepare
from suffice import fingerprint
from suffice.adapt import registry as methods
from suffice.candidate import Candidate
from suffice.models import artefact
from suffice.models.gguf.model import GgufModel
from suffice.ports import Request, TrainingRows
from suffice.stats.intervals import wilson
from suffice.task import Kind, Sample

DATA = Path(os.environ.get("SUFFICE_DATA", "../shared/data"))
MADE = Path("runs/bench-decoders")
TINY = {
    "tiny-2": {"depth": 2, "epochs": 10, "batch_tokens": 1024},
    "tiny-4": {"depth": 4, "epochs": 7, "batch_tokens": 1024},
    "tiny-6": {"depth": 6, "epochs": 8},
    "tiny-8": {"depth": 8, "epochs": 4, "threads": 1},
}
# Made only when asked for by name: it trains for a quarter of an hour on a core of its own.
_LONG = frozenset({"tiny-8"})
_TELL_EVERY_S = 60
# Depth 2 on few rows, with the tokenizer of tiny-4: by the truth alone, by its teacher's logits
# too, and by them on a quarter of its own answers.
FEW_ROWS = 3_000
TAUGHT = {
    "hard-2": {"truth_share": 1.0},
    "taught-2": {"truth_share": 0.5, "temperature": 2.0},
    "own-2": {"truth_share": 0.5, "temperature": 2.0, "on_policy": 0.25},
}
_HEADER = (
    "| rung | parameters | bytes | whole frames exact [95% Wilson], n = {n} | dev, without grammar |"
    " valid JSON | ms/request | trained: cpu s, s, epochs |\n|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, kw_only=True)
class Data:
    """SNIPS as rows to learn from, and the rows of the test."""

    rows: TrainingRows
    test: list[Sample]


def read(place: Path) -> Data:
    """Returns SNIPS, prepared in `place` as the example prepares it."""
    prepare.snips(DATA, place)
    parts = {
        part: [_sample(json.loads(line)) for line in (place / "snips" / f"{part}.jsonl").open()]
        for part in ("train", "dev", "certify")
    }
    rows = TrainingRows(
        labels=(),
        train=parts["train"],
        dev=parts["dev"],
        kind=Kind.EXTRACT,
        schema=_schema([*parts["train"], *parts["dev"]]),
    )
    return Data(rows=rows, test=parts["certify"])


def wanted(only: Sequence[str] | None) -> list[str]:
    """Returns which decoders are made: those that were named, or all but the longest."""
    return [name for name in (*TINY, *TAUGHT) if name not in _LONG] if only is None else list(only)


def made(candidate: Candidate, rows: TrainingRows, *, teacher: Path | None = None) -> Path:
    """Returns the folder of a candidate made by its method, now or earlier."""
    folder = MADE / candidate.name
    if (folder / artefact.MANIFEST).is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    took = MADE / f"{candidate.name}.took.json"
    before: Mapping[str, float] = json.loads(took.read_text()) if took.is_file() else {"cpu_s": 0, "s": 0}
    began, cpu = time.monotonic(), time.process_time()
    told = began

    def progress(what: str, done: float, total: float) -> None:
        nonlocal told
        now = time.monotonic()
        if "dev" not in what and now - told < _TELL_EVERY_S:
            return
        told = now
        spent = {"cpu_s": before["cpu_s"] + time.process_time() - cpu, "s": before["s"] + now - began}
        if "dev" in what:  # the end of an epoch: a stopped training goes on from here
            took.write_text(json.dumps(spent))
        said = f"{spent['s']:.0f} s, {spent['cpu_s']:.0f} cpu s: {what} {done:.3g}/{total:g}"
        print(said, file=sys.stderr, flush=True)

    methods.method(candidate.method).apply(
        candidate, rows, out=folder, teacher=teacher, seed=1, progress=progress
    )
    return folder


def row(folder: Path, test: list[Sample]) -> str:
    """Returns one rung's row of the table, measured on the exported bytes."""
    settings = artefact.unseal(folder).settings
    about = settings["training"]
    model = GgufModel.load(folder)
    began = time.perf_counter()
    answers = asyncio.run(_ask(model, test))
    took_ms = 1000 * (time.perf_counter() - began) / len(test)
    frames = [None if answer is None else json.loads(answer) for answer in answers]
    right = sum(frame == one.target for frame, one in zip(frames, test, strict=True))
    bounds = wilson(right, len(test))
    took_file = MADE / f"{folder.name}.took.json"
    took = json.loads(took_file.read_text()) if took_file.is_file() else None
    spent = "not measured" if took is None else f"{took['cpu_s']:.0f}, {took['s']:.0f}"
    valid = sum(frame is not None for frame in frames)
    dev = f"{about['dev_exact']:.3f} (n = {about['dev_rows']:,})"
    return (
        f"| {folder.name} | {about['parameters']:,} | {(folder / 'model.gguf').stat().st_size:,} |"
        f" {right / len(test):.3f} [{bounds.lower:.3f}, {bounds.upper:.3f}] | {dev} |"
        f" {valid}/{len(test)} | {took_ms:.1f} | {spent}, {about['epochs']} |"
    )


async def _ask(model: GgufModel, test: list[Sample]) -> list[str | None]:
    answers = []
    for sample in test:
        answers += await model.answer([Request(text=sample.text, key=sample.key)])
    await model.close()
    return [answer.text for answer in answers]


def _sample(record: Mapping[str, Any]) -> Sample:
    return Sample(key=fingerprint.of_text(record["text"]), text=record["text"], target=record["target"])


def _schema(samples: list[Sample]) -> dict[str, Any]:
    frames: list[Any] = [sample.target for sample in samples]
    value = {"type": ["string", "array"], "items": {"type": "string"}}
    names = sorted({name for frame in frames for name in frame["slots"]})
    return {
        "type": "object",
        "properties": {
            "intent": {"enum": sorted({frame["intent"] for frame in frames})},
            "slots": {
                "type": "object",
                "properties": dict.fromkeys(names, value),
                "additionalProperties": False,
            },
        },
        "required": ["intent", "slots"],
        "additionalProperties": False,
    }


def main() -> None:
    """Make what is wanted, and print the table of what is made."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = sorted({*TINY, *TAUGHT})
    parser.add_argument("--only", nargs="*", choices=names, help="make these, if they are not yet")
    chosen = parser.parse_args()
    os.environ.setdefault("SUFFICE_HOME", str(MADE / "home"))
    data = read(MADE / "data")
    for name in wanted(chosen.only):
        if name in TINY:
            made(_candidate(name, "tiny", TINY[name]), data.rows)
        else:
            taught = _candidate(name, "distil-decoder", {"depth": 2, "epochs": 8, **TAUGHT[name]})
            few = replace(data.rows, train=data.rows.train[::4][:FEW_ROWS])
            made(taught, few, teacher=MADE / "tiny-4")
    for title, names_of in (
        (f"From {len(data.rows.train):,} train rows:", TINY),
        (f"Depth 2 from {FEW_ROWS:,} of them: by the truth, and by tiny-4's logits as well:", TAUGHT),
    ):
        print(f"\n{title}\n\n{_HEADER.format(n=len(data.test))}")
        for name in names_of:
            is_made = (MADE / name / artefact.MANIFEST).is_file()
            print(row(MADE / name, data.test) if is_made else f"| {name} | not measured |{' |' * 6}")


def _candidate(name: str, method: str, settings: Mapping[str, float]) -> Candidate:
    threads = int(os.environ.get("OMP_NUM_THREADS", "2"))
    return Candidate(
        name=name,
        kind="gguf",
        method=method,
        teacher="tiny-4" if name in TAUGHT else None,
        settings=tuple(sorted({"threads": threads, **settings}.items())),
    )


if __name__ == "__main__":
    main()
