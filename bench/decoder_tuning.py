"""Print what LoRA and full fine-tuning make of one trained decoder: `python -m bench.decoder_tuning`.

The decoder is stories260K: real weights that tell stories for children. Its new task is to tell which of
the seven intents of SNIPS an utterance has (data from SUFFICE_DATA), learnt from 2,000 rows. Each result is
measured on its exported bytes over the 700 validation rows, which are looked at once.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from examples import prepare
from suffice import fingerprint
from suffice.adapt import registry as methods
from suffice.adapt.decoder.gguf_files import llama2c
from suffice.adapt.decoder.tuning import lora
from suffice.candidate import Candidate, Setting
from suffice.models import artefact
from suffice.models.gguf.model import GgufModel
from suffice.ports import Request, TrainingRows
from suffice.stats.intervals import wilson
from suffice.task import Kind, Sample

DATA = Path(os.environ.get("SUFFICE_DATA", "../shared/data"))
TRAIN, DEV = 2_000, 500
_RUNGS: dict[str, tuple[str, dict[str, Setting]]] = {
    "full": ("full", {}),
    "lora, rank 16": ("lora", {"keep_adapter": True}),
    "lora, rank 4": ("lora", {"keep_adapter": True, "rank": 4}),
    "tiny, from scratch": ("tiny", {"depth": 2}),
}
_COLUMNS = (
    "method",
    "weights trained, of all",
    "file, bytes",
    "what must be kept beside the base, bytes",
    "accuracy [95% Wilson], n = {n}",
    "against full [95% t, paired]",
    "cpu s, s, epochs",
    "canary: loss before, rise [95% t], {sentences} sentences",
)


@dataclass(frozen=True, kw_only=True)
class Made:
    """One rung: what it says about itself, which test rows it gets right, and what making it took."""

    name: str
    about: dict[str, Any]
    file_bytes: int
    kept_bytes: int
    right: NDArray[np.bool_]
    cpu_s: float
    seconds: float


def read(data: Path) -> tuple[TrainingRows, list[Sample]]:
    """Returns rows of SNIPS to learn from, drawn by chance, and those of the test."""
    parts: dict[str, list[Sample]] = {"train": [], "validate": []}
    for part, found in parts.items():
        ending = "_full" if part == "train" else ""
        for path in sorted((data / "snips").glob(f"*/{part}_*{ending}.json")):
            for text, frame in prepare.frames(path):
                found.append(Sample(key=fingerprint.of_text(text), text=text, target=str(frame["intent"])))
    drawn = [parts["train"][row] for row in np.random.default_rng(0).permutation(len(parts["train"]))]
    labels = tuple(sorted({str(sample.target) for sample in drawn}))
    rows = TrainingRows(
        labels=labels, train=drawn[:TRAIN], dev=drawn[TRAIN : TRAIN + DEV], kind=Kind.CLASSIFY
    )
    return rows, parts["validate"]


def make(name: str, base: Path, rows: TrainingRows, test: list[Sample], out: Path) -> Made:
    """Returns one rung, made and measured."""
    method, own = _RUNGS[name]
    settings: dict[str, Setting] = {
        "threads": int(os.environ.get("OMP_NUM_THREADS", "2")),
        "epochs": 4,
        **own,
    }
    if method != "tiny":
        settings["base"] = str(base)
    candidate = Candidate(name=name, kind="gguf", method=method, settings=tuple(sorted(settings.items())))
    out.mkdir()
    began, cpu = time.monotonic(), time.process_time()
    methods.method(method).apply(candidate, rows, out=out, teacher=None, seed=1, progress=lambda *_: None)
    took = time.process_time() - cpu, time.monotonic() - began
    weights = (out / "model.gguf").stat().st_size
    adapter = out / lora.ADAPTER / "adapter_model.safetensors"
    return Made(
        name=name,
        about=artefact.unseal(out).settings["training"],
        file_bytes=weights,
        kept_bytes=adapter.stat().st_size if adapter.is_file() else weights,
        right=asyncio.run(_right(out, test)),
        cpu_s=took[0],
        seconds=took[1],
    )


async def _right(folder: Path, test: list[Sample]) -> NDArray[np.bool_]:
    model = GgufModel.load(folder)
    try:
        answers = await model.answer([Request(text=sample.text, key=sample.key) for sample in test])
    finally:
        await model.close()
    return np.array([answer.text == one.target for answer, one in zip(answers, test, strict=True)])


def row(made: Made, full: Made) -> str:
    """Returns one rung's row of the table."""
    about = made.about
    bounds = wilson(int(made.right.sum()), len(made.right))
    trained = about.get("trained_parameters", about["parameters"])
    forgot = about.get("canary")
    cells = (
        made.name,
        f"{trained:,} of {about['parameters']:,}",
        f"{made.file_bytes:,}",
        f"{made.kept_bytes:,}",
        f"{made.right.mean():.3f} [{bounds.lower:.3f}, {bounds.upper:.3f}]",
        "" if made is full else _difference(made.right, full.right),
        f"{made.cpu_s:.0f}, {made.seconds:.0f}, {about['epochs']}",
        "no base"
        if forgot is None
        else f"{forgot['base_loss']:.2f}, {forgot['rise']:+.2f} [{forgot['rise_low']:+.2f},"
        f" {forgot['rise_high']:+.2f}]",
    )
    return f"| {' | '.join(cells)} |"


def _difference(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> str:
    apart = one.astype(float) - other.astype(float)
    half = float(stats.t.ppf(0.975, len(apart) - 1) * apart.std(ddof=1) / np.sqrt(len(apart)))
    return f"{apart.mean():+.3f} [{apart.mean() - half:+.3f}, {apart.mean() + half:+.3f}]"


def main() -> None:
    """Make and measure every rung, and print the table."""
    rows, test = read(DATA)
    with tempfile.TemporaryDirectory(prefix="suffice-") as place:
        os.environ["SUFFICE_HOME"] = str(Path(place) / "home")
        base = Path(place) / "base"
        base.mkdir()
        own = DATA / "stories260k"
        llama2c.to_folder(own / "stories260K.bin", own / "tok512.bin", base)
        made = [make(name, base, rows, test, Path(place) / str(number)) for number, name in enumerate(_RUNGS)]
    sentences = made[0].about["canary"]["sentences"]
    head = " | ".join(_COLUMNS).format(n=len(test), sentences=sentences)
    print(
        f"stories260K, moved to the {len(rows.labels)} intents of SNIPS: {len(rows.train):,} train rows,"
        f" {len(rows.dev):,} dev rows, 4 epochs at most, each method at its default learning rate, files in"
        " q8_0. The canary is the mean loss in nats a token on plain English sentences, before quantising.\n"
    )
    print(f"| {head} |\n{'|---' * len(_COLUMNS)}|")
    for one in made:
        print(row(one, made[0]))


if __name__ == "__main__":
    main()
