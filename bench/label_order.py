"""Print how far the order of a prompt's labels moves trained decoders: `python -m bench.label_order`.

Real data from SUFFICE_DATA: the 15 intents of CLINC150's domain banking, 1,500 train rows, 300 validation
rows as dev, 450 test rows. Two decoders of depth 2 are trained from scratch to choose among labels that
the prompt lists: one has seen a single order, the other a new one with each row. Both are asked about the
test rows under their own order and under shuffled ones.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from suffice import fingerprint
from suffice.adapt.decoder.examples import Example
from suffice.adapt.decoder.scratch import tiny
from suffice.adapt.decoder.scratch.tiny import Lesson
from suffice.candidate import Candidate
from suffice.models import artefact, registry
from suffice.models.gguf.model import GgufClassifier
from suffice.models.prompt import Prompt, instruction_of
from suffice.ports import Request, TrainingRows
from suffice.stats.intervals import wilson
from suffice.task import Kind, Sample

DATA = Path(os.environ.get("SUFFICE_DATA", "../shared/data")) / "clinc150"
DOMAIN = "banking"
ORDERS = 8
_EPOCHS = 10
_WORD_DROPOUT = 0.1
_WAYS = ("one order", "a new order a row")

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One decoder's answers: (1 + ORDERS, n, K) probabilities, the own order's first.

    `orders`: (1 + ORDERS, K), the label listed at each place; `truth`: (n,); `temperature`: what the
    probabilities were calibrated with on dev.
    """

    probabilities: Floats
    orders: Classes
    truth: Classes
    temperature: float

    @property
    def answers(self) -> Classes:
        """Returns (1 + ORDERS, n) answers."""
        return np.asarray(self.probabilities.argmax(axis=2))


def read() -> tuple[TrainingRows, list[Sample]]:
    """Returns the domain's rows to learn from, and those of the test."""
    labels = tuple(sorted(json.loads((DATA / "domains.json").read_text())[DOMAIN]))
    parts = json.loads((DATA / "data_full.json").read_text())
    found = {
        part: [
            Sample(key=fingerprint.of_text(text), text=text, target=label)
            for text, label in parts[part]
            if label in labels
        ]
        for part in ("train", "val", "test")
    }
    rows = TrainingRows(labels=labels, train=found["train"], dev=found["val"], kind=Kind.CLASSIFY)
    return rows, found["test"]


def listing(labels: Sequence[str]) -> Prompt:
    """Returns the prompt that lists the labels in this order."""
    return Prompt(instruction=instruction_of(Kind.CLASSIFY, labels=labels))


def shuffled(lesson: Lesson, *, seed: int) -> Callable[[int], list[Example]]:
    """Returns each epoch's rows, every one under a list in an order of its own, some words left out."""

    def rows_of(epoch: int) -> list[Example]:
        rng = np.random.default_rng((seed, epoch, 2))
        made = []
        for sample in lesson.taught.train:
            words = sample.text.split(" ")
            kept = [word for word in words if rng.random() >= _WORD_DROPOUT]
            order = [lesson.rows.labels[place] for place in rng.permutation(len(lesson.rows.labels))]
            other = replace(lesson, prompt=listing(order))
            made.append(other.example(Request(text=" ".join(kept or words)), sample.target))
        return made

    return rows_of


def trained(way: str, rows: TrainingRows, out: Path) -> None:
    """Trains one decoder, and seals it in `out`."""
    settings = (("depth", 2), ("epochs", _EPOCHS), ("threads", 1), ("word_dropout", _WORD_DROPOUT))
    candidate = Candidate(name=way, kind="gguf", method="tiny", settings=settings)
    lesson = replace(tiny.tiny_lesson(candidate, rows), prompt=listing(rows.labels))
    examples = shuffled(lesson, seed=1) if way == _WAYS[1] else None
    tiny.make(lesson, out=out, seed=1, progress=lambda *_: None, examples=examples)


def asked(folder: Path, test: Sequence[Sample], *, seed: int = 0) -> Asked:
    """Returns what the decoder in a folder answers under its own order and under ORDERS shuffled ones."""
    model = registry.load(folder)
    assert isinstance(model, GgufClassifier)
    labels = model.labels
    rng = np.random.default_rng(seed)
    orders = np.array([np.arange(len(labels)), *(rng.permutation(len(labels)) for _ in range(ORDERS))])
    texts = [sample.text for sample in test]
    found = [model.listed(texts, [labels[place] for place in order]) for order in orders]
    temperature = float(artefact.unseal(folder).settings["calibration"]["temperature"])
    asyncio.run(model.close())
    return Asked(
        probabilities=np.array(found),
        orders=orders,
        truth=np.array([labels.index(str(sample.target)) for sample in test]),
        temperature=temperature,
    )


def warmer(probabilities: Floats, temperature: float) -> Floats:
    """Returns probabilities to the power of the temperature: as they were before it divided their logs."""
    powers = np.clip(probabilities, 1e-300, None) ** temperature
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def moved(one: Floats, others: Floats) -> Floats:
    """Returns for each of n texts the mean total variation distance of (o, n, K) from (n, K)."""
    return np.asarray(np.abs(others - one).sum(axis=2).mean(axis=0) / 2)


def mean(values: NDArray[np.generic]) -> str:
    """Returns the mean over texts with its 95% t-interval."""
    numbers = np.asarray(values, np.float64)
    half = float(stats.t.ppf(0.975, len(numbers) - 1) * numbers.std(ddof=1) / np.sqrt(len(numbers)))
    return f"{numbers.mean():.3f} [{numbers.mean() - half:.3f}, {numbers.mean() + half:.3f}]"


def share(hits: NDArray[np.bool_]) -> str:
    """Returns a share of texts with its 95% Wilson interval."""
    bounds = wilson(int(hits.sum()), len(hits))
    return f"{hits.mean():.3f} [{bounds.lower:.3f}, {bounds.upper:.3f}]"


def facts(found: Asked) -> dict[str, str]:
    """Returns what is told of one decoder, by the words of the table's rows."""
    answers, truth = found.answers, found.truth
    others = found.probabilities[1:]
    half = ORDERS // 2
    log_means = [np.log(part).mean(axis=0) for part in (others[:half], others[half:], others)]
    first, second, every = (part.argmax(axis=1) for part in log_means)
    said_first = (answers[1:] == found.orders[1:, :1]).mean(axis=0)
    said_last = (answers[1:] == found.orders[1:, -1:]).mean(axis=0)
    raw = warmer(found.probabilities, found.temperature)
    return {
        "right, own order": share(answers[0] == truth),
        "right, a shuffled order (mean over orders)": mean((answers[1:] == truth).mean(axis=0)),
        "answer differs from the own order's under one shuffled order": mean(
            (answers[1:] != answers[0]).mean(axis=0)
        ),
        f"answer differs under any of {ORDERS}": share((answers[1:] != answers[0]).any(axis=0)),
        "label listed first is answered (unbiased: {fair})": mean(said_first),
        "label listed last is answered (unbiased: {fair})": mean(said_last),
        "probabilities move by (total variation), before calibration": mean(moved(raw[0], raw[1:])),
        "the same, calibrated on dev (temperature {temperature})": mean(
            moved(found.probabilities[0], others)
        ),
        f"averaged over {half} orders: answer differs from that over {half} others": share(first != second),
        f"averaged over {ORDERS} orders: right": share(every == truth),
        f"averaged over {ORDERS} orders, right more often than the own order by": mean(
            (every == truth).astype(float) - (answers[0] == truth)
        ),
    }


def table(told: Sequence[tuple[str, Asked]]) -> str:
    """Returns the facts of the decoders side by side as Markdown."""
    columns = {name: facts(found) for name, found in told}
    fair = 1 / told[0][1].probabilities.shape[2]
    temperatures = ", ".join(f"{found.temperature:.2f}" for _, found in told)
    lines = [f"| | {' | '.join(f'trained on {name}' for name in columns)} |", "|---" * (len(told) + 1) + "|"]
    for fact in next(iter(columns.values())):
        words = fact.format(fair=f"{fair:.3f}", temperature=temperatures)
        lines.append(f"| {words} | {' | '.join(values[fact] for values in columns.values())} |")
    return "\n".join(lines)


def main() -> None:
    """Train both decoders, ask them, and print the table."""
    rows, test = read()
    told = []
    with tempfile.TemporaryDirectory(prefix="suffice-") as place:
        os.environ["SUFFICE_HOME"] = str(Path(place) / "home")
        for number, way in enumerate(_WAYS):
            out = Path(place) / str(number)
            out.mkdir()
            began = time.process_time()
            trained(way, rows, out)
            took = time.process_time() - began
            about = artefact.unseal(out).settings["training"]
            print(
                f"- trained on {way}: {about['parameters']:,} parameters, {about['train_rows']:,} train rows,"
                f" {about['epochs']} epochs, {took:.0f} s of processor time"
            )
            told.append((way, asked(out, test)))
    print(
        f"\n{len(rows.labels)} labels, chance {1 / len(rows.labels):.3f}; n = {len(test)} test texts,"
        f" {ORDERS} shuffled orders; 95% intervals over texts (Wilson for shares, t for means). An average"
        " over orders is that of log-probabilities; it costs as many passes as orders.\n"
    )
    print(table(told))


if __name__ == "__main__":
    main()
