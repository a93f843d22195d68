"""Print the encoder rungs' rows of CLINC150 as Markdown: `python -m bench.clinc_encoder`.

Real data from SUFFICE_DATA. Choices are made on val; test is looked at once, at the end. `--section
head` is the frozen 8-bit encoder with a logistic head, `--section finetune` the whole encoder trained
(minutes), `--section formats` compares the 8-bit graph with the float one. `--made FOLDER` measures a
model made before.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from bench.clinc_linear import Data, microseconds, read
from suffice.adapt import registry as methods
from suffice.adapt.encoder import bert_graph, quantised_body
from suffice.adapt.encoder.weights import find_encoder, read_tensors
from suffice.candidate import Candidate
from suffice.measure import environment
from suffice.measure.memory import MemoryMeter
from suffice.models import artefact
from suffice.models.embedder import ENCODER_FILE, TOKENIZER_FILE, Embedder
from suffice.models.encoder import EncoderModel
from suffice.ports import Request
from suffice.stats.intervals import wilson

_TIMED_TEXTS = 300
_HEADER = (
    "| rung | accuracy [95% Wilson], n | bytes | ms/request p50 / p95 (quiet p50) | requests/s, batches |"
    " resident MB | made in s, cpu s | AUROC novelty / confidence |"
    " recall at 5% false alarm (val's threshold) |\n"
    "|---|---|---|---|---|---|---|---|---|"
)
_FORMAT_HEADER = (
    "| graph | bytes | cosine with float mean / least, n | ms/text p50 / p95 (quiet p50) | texts/s |\n"
    "|---|---|---|---|---|"
)


def made(name: str, data: Data, place: Path) -> tuple[Path, str]:
    """Returns the folder of a rung made by its method, and what making it took."""
    folder = place / name
    folder.mkdir()
    began, cpu = time.perf_counter(), time.process_time()

    def progress(what: str, done: float, total: float) -> None:
        print(f"{time.perf_counter() - began:.0f} s: {what} {done:.2f}/{total:g}", file=sys.stderr)

    methods.method(name).apply(
        Candidate(name=name, kind="encoder", method=name),
        data.training(),
        out=folder,
        teacher=None,
        seed=0,
        progress=progress,
    )
    return folder, f"{time.perf_counter() - began:.0f}, {time.process_time() - cpu:.0f}"


def row(name: str, folder: Path, data: Data, *, took: str) -> str:
    """Returns the line of one rung."""
    model = EncoderModel.load(folder)
    texts = data.texts("test")
    began = time.perf_counter()
    familiar = model.classify(texts)
    per_s = len(texts) / (time.perf_counter() - began)
    right, n = int((familiar.probabilities.argmax(axis=1) == data.classes("test")).sum()), len(texts)
    bounds = wilson(right, n)
    p50, p95, quiet = microseconds(lambda some: (model.classify(some), {}), texts[:_TIMED_TEXTS])  # type: ignore[arg-type, return-value]
    foreign = model.classify(data.texts("oos_test"))
    is_foreign = np.arange(n + len(foreign.novelty)) >= n
    unsure = [1.0 - said.probabilities.max(axis=1) for said in (familiar, foreign)]
    by_novelty = roc_auc_score(is_foreign, np.concatenate([familiar.novelty, foreign.novelty]))
    by_confidence = roc_auc_score(is_foreign, np.concatenate(unsure))
    threshold = np.quantile(model.classify(data.texts("val")).novelty, 0.95)
    caught, all_foreign = int((foreign.novelty > threshold).sum()), len(foreign.novelty)
    found = wilson(caught, all_foreign)
    alarms = float((familiar.novelty > threshold).mean())
    memory = asyncio.run(
        MemoryMeter(folders=[folder]).measure(model, [Request(text=text) for text in texts[:64]])
    )
    resident = next(m for m in memory if m.quantity == "memory_bytes")
    megabytes = resident.unmeasured if resident.value is None else f"{resident.value / 1e6:.0f}"
    return (
        f"| {name} | {right / n:.4f} [{bounds.lower:.4f}, {bounds.upper:.4f}], {n:,}"
        f" | {artefact.unseal(folder).bytes_total:,} | {p50 / 1e3:.2f} / {p95 / 1e3:.2f} ({quiet / 1e3:.2f})"
        f" | {per_s:.0f} | {megabytes} | {took} | {by_novelty:.4f} / {by_confidence:.4f}"
        f" | {caught / all_foreign:.3f} [{found.lower:.3f}, {found.upper:.3f}], {all_foreign:,};"
        f" false alarms {alarms:.3f} |"
    )


def formats(data: Data, place: Path) -> list[str]:
    """Returns a line for the float graph and one for the 8-bit graph of the official weights."""
    found = find_encoder()
    float_folder, small_folder = place / "float", place / "8 bit"
    float_folder.mkdir()
    (float_folder / ENCODER_FILE).write_bytes(bert_graph.bert_graph(read_tensors(found.weights)))
    (float_folder / TOKENIZER_FILE).write_bytes(found.tokenizer.read_bytes())
    quantised_body.write_body(found, small_folder)
    texts = data.texts("test")
    exact = Embedder(float_folder).embed(texts).vectors
    lines = []
    for folder in (float_folder, small_folder):
        embedder = Embedder(folder)
        began = time.perf_counter()
        vectors = embedder.embed(texts).vectors
        per_s = len(texts) / (time.perf_counter() - began)
        cosines = (exact * vectors).sum(axis=1)
        p50, p95, quiet = microseconds(lambda some, e=embedder: (e.embed(some), {}), texts[:_TIMED_TEXTS])  # type: ignore[misc]
        lines.append(
            f"| {folder.name} | {(folder / ENCODER_FILE).stat().st_size:,}"
            f" | {cosines.mean():.5f} / {cosines.min():.5f}, {len(texts):,}"
            f" | {p50 / 1e3:.2f} / {p95 / 1e3:.2f} ({quiet / 1e3:.2f}) | {per_s:.0f} |"
        )
    return lines


def main() -> None:
    """Make the rungs of the sections asked for, then print their rows."""
    parser = argparse.ArgumentParser(prog="python -m bench.clinc_encoder", description=__doc__)
    parser.add_argument("--section", nargs="*", choices=["head", "finetune", "formats"], default=["head"])
    parser.add_argument("--made", type=Path, help="measure the model in this folder instead of making one")
    parser.add_argument("--keep", type=Path, help="keep the models made under this folder")
    arguments = parser.parse_args()
    data = read()
    print(f"Machine: {environment.cpu_model()}, {environment.cores()} cores, 1 thread used;", end=" ")
    print(f"load average {os.getloadavg()[0]:.1f}. Tokenising included.\n")
    with tempfile.TemporaryDirectory() as temporary, threadpool_limits(1):
        place = arguments.keep or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        sections = [] if arguments.made else arguments.section
        if "formats" in sections:
            print("\n".join([_FORMAT_HEADER, *formats(data, place)]), flush=True)
        if arguments.made or set(sections) & {"head", "finetune"}:
            print(_HEADER, flush=True)
        if arguments.made:
            print(row(arguments.made.name, arguments.made, data, took="made before"))
        for name in ("head", "finetune"):
            if name in sections:
                folder, took = made(name, data, place)
                print(row(name, folder, data, took=took), flush=True)


if __name__ == "__main__":
    main()
