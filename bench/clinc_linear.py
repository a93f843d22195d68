"""Print the linear rungs' row of CLINC150 as Markdown: `python -m bench.clinc_linear`.

Real data from SUFFICE_DATA. Choices are made on val; test is looked at once, at the end. Beside our
rungs, in the same run and on the same splits: scikit-learn's tf-idf with logistic regression and
with a linear SVM, as a user would write them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import FeatureUnion
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from suffice import fingerprint
from suffice.adapt import registry as methods
from suffice.candidate import Candidate
from suffice.measure import environment
from suffice.models import artefact, registry
from suffice.ports import Classifier, TrainingRows
from suffice.stats.intervals import wilson
from suffice.task import Sample

Floats = NDArray[np.float64]
Score = Callable[[Sequence[str]], tuple[NDArray[np.int64], dict[str, Floats]]]
_REPEATS = 5
_TIMED_TEXTS = 1_500
_HEADER = (
    "| model | split | accuracy [95% Wilson], n | bytes | us/request p50 / p95 (quiet p50) | train s, cpu s |"
    " out-of-scope score | AUROC | recall at 5% false alarm |\n|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, kw_only=True)
class Data:
    """CLINC150's full file: texts and labels of each part."""

    parts: dict[str, list[tuple[str, str]]]

    @property
    def labels(self) -> tuple[str, ...]:
        """Returns the in-scope intents, sorted."""
        return tuple(sorted({label for _, label in self.parts["train"]}))

    def texts(self, part: str) -> list[str]:
        """Returns the texts of a part."""
        return [text for text, _ in self.parts[part]]

    def classes(self, part: str) -> NDArray[np.int64]:
        """Returns the positions of the labels of a part."""
        position = {label: index for index, label in enumerate(self.labels)}
        return np.array([position[label] for _, label in self.parts[part]])

    def training(self) -> TrainingRows:
        """Returns train, and val as dev."""
        train, dev = (
            [
                Sample(key=fingerprint.of_text(text), text=text, target=label)
                for text, label in self.parts[part]
            ]
            for part in ("train", "val")
        )
        return TrainingRows(labels=self.labels, train=train, dev=dev)


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """One model in the comparison, ready to answer."""

    name: str
    score: Score
    size_bytes: str
    train: str


def read() -> Data:
    """Returns the data; exits with a reason where they are absent."""
    path = Path(os.environ.get("SUFFICE_DATA", "../shared/data")) / "clinc150" / "data_full.json"
    if not path.is_file():
        sys.exit(f"{path} is absent: set SUFFICE_DATA to the folder that holds clinc150")
    return Data(parts=json.loads(path.read_text(encoding="utf-8")))


def ours(candidate: Candidate, data: Data, *, place: Path, teacher: Path | None) -> Entrant:
    """Returns a rung made by its method, loaded from what was stored."""
    folder = place / candidate.name
    folder.mkdir()
    began, cpu = time.perf_counter(), time.process_time()
    methods.method(candidate.method).apply(
        candidate, data.training(), out=folder, teacher=teacher, seed=0, progress=lambda *_: None
    )
    took = _took(began, cpu)
    return stored(folder, train=took)


def stored(folder: Path, *, train: str) -> Entrant:
    """Returns a rung from its folder."""
    model = registry.load(folder)
    assert isinstance(model, Classifier)

    def score(texts: Sequence[str]) -> tuple[NDArray[np.int64], dict[str, Floats]]:
        said = model.classify(texts)
        scores = {"confidence": 1 - said.probabilities.max(axis=1), "novelty": said.novelty}
        return said.probabilities.argmax(axis=1), scores

    size = f"{artefact.unseal(folder).bytes_total:,}"
    return Entrant(name=model.name, score=score, size_bytes=size, train=train)


def _took(began: float, cpu: float) -> str:
    return f"{time.perf_counter() - began:.1f}, {time.process_time() - cpu:.1f}"


def peer(name: str, data: Data) -> Entrant:
    """Returns scikit-learn's pipeline of words (1-2) and characters within words (2-5), fitted."""
    began, cpu = time.perf_counter(), time.process_time()
    union = FeatureUnion(
        [
            ("words", TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)),
            ("characters", TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)),
        ]
    )
    x = union.fit_transform(data.texts("train"))
    is_svm = name.endswith("SVM")
    model = LinearSVC(C=1.0) if is_svm else LogisticRegression(C=30.0, max_iter=100)
    model.fit(x, data.classes("train"))
    took = _took(began, cpu)

    def score(texts: Sequence[str]) -> tuple[NDArray[np.int64], dict[str, Floats]]:
        rows = union.transform(texts)
        certain = model.decision_function(rows) if is_svm else model.predict_proba(rows)
        return certain.argmax(axis=1), {"margin" if is_svm else "confidence": -certain.max(axis=1)}

    words = sum(len(term.encode()) for term in union.get_feature_names_out())
    size = f"{model.coef_.nbytes + model.intercept_.nbytes + words:,} (arrays and vocabulary)"
    return Entrant(name=name, score=score, size_bytes=size, train=took)


def microseconds(score: Score, texts: Sequence[str]) -> tuple[float, float, float]:
    """Returns p50 and p95 over all single requests, and p50 of each text's quickest of several.

    The last one is what remains when other processes of the machine do not interfere.
    """
    times = np.empty((_REPEATS, len(texts)))
    for repeat in range(_REPEATS):
        for index, text in enumerate(texts):
            began = time.perf_counter_ns()
            score([text])
            times[repeat, index] = (time.perf_counter_ns() - began) / 1000
    p50, p95 = np.percentile(times, [50, 95])
    return float(p50), float(p95), float(np.median(times.min(axis=0)))


def rows(entrant: Entrant, data: Data, split: str) -> list[str]:
    """Returns one line for each out-of-scope score of a model."""
    best, familiar = entrant.score(data.texts(split))
    right, n = int((best == data.classes(split)).sum()), len(best)
    interval = wilson(right, n)
    p50, p95, quiet = microseconds(entrant.score, data.texts(split)[:_TIMED_TEXTS])
    _, foreign = entrant.score(data.texts(f"oos_{split}"))
    lines = []
    for name, strange in familiar.items():
        both = np.concatenate([strange, foreign[name]])
        is_foreign = np.arange(len(both)) >= n
        caught = int((foreign[name] > np.quantile(strange, 0.95)).sum())
        bounds = wilson(caught, len(foreign[name]))
        recall = f"{caught / len(foreign[name]):.3f} [{bounds.lower:.3f}, {bounds.upper:.3f}]"
        accuracy = f"{right / n:.4f} [{interval.lower:.4f}, {interval.upper:.4f}]"
        lines.append(
            f"| {entrant.name} | {split} | {accuracy}, {n:,}"
            f" | {entrant.size_bytes} | {p50:.0f} / {p95:.0f} ({quiet:.0f}) | {entrant.train} |"
            f" {name} | {roc_auc_score(is_foreign, both):.4f}"
            f" | {recall}, {len(foreign[name]):,} |"
        )
    return lines


def main() -> None:
    """Make every entrant, then print its rows."""
    parser = argparse.ArgumentParser(prog="python -m bench.clinc_linear", description=__doc__)
    parser.add_argument("--teacher", type=Path, help="folder of a made model that teaches; default: make one")
    parser.add_argument("--made", type=Path, help="folder that already holds made models, by name")
    parser.add_argument("--split", default="test", choices=["val", "test"], help="val while choosing")
    parser.add_argument(
        "--only", nargs="*", help="some of: linear, linear-distilled, tf-idf + LR, tf-idf + SVM"
    )
    arguments = parser.parse_args()
    data = read()
    print(f"Machine: {environment.cpu_model()}, {environment.cores()} cores, 1 thread used;", end=" ")
    print(f"load average {os.getloadavg()[0]:.1f}. Times of one text at a time, tokenising included.\n")
    print(_HEADER, flush=True)
    wanted = arguments.only or ["linear", "linear-distilled", "tf-idf + LR", "tf-idf + SVM"]
    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        for name in wanted:
            made = None if arguments.made is None else arguments.made / name
            if made is not None and made.is_dir():
                entrant = stored(made, train="made before")
            else:
                entrant = _made(name, data, Path(folder), arguments.teacher)
            for line in rows(entrant, data, arguments.split):
                print(line, flush=True)


def _made(name: str, data: Data, place: Path, teacher: Path | None) -> Entrant:
    if name.startswith("tf-idf"):
        return peer(name, data)
    if name == "linear":
        return ours(Candidate(name=name, kind="linear", method="linear"), data, place=place, teacher=None)
    if teacher is None:
        teacher = place / "teacher"
        ours(Candidate(name="teacher", kind="encoder", method="head"), data, place=place, teacher=None)
    candidate = Candidate(name=name, kind="linear", method="distil", teacher="teacher")
    return ours(candidate, data, place=place, teacher=teacher)


if __name__ == "__main__":
    main()
