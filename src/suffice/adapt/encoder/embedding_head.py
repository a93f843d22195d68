"""The method `head`: the frozen 8-bit encoder with a logistic head trained on its own vectors."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suffice import files
from suffice.adapt import calibration
from suffice.adapt.encoder import quantised_body, softmax_head
from suffice.adapt.encoder.weights import REPOSITORY, encoder_for
from suffice.candidate import Candidate
from suffice.errors import DataError
from suffice.models import encoder
from suffice.models.embedder import ENCODER_FILE, MAX_WINDOWS, TOKENIZER_FILE, WINDOW_TOKENS, Embedder
from suffice.ports import Progress, TrainingRows
from suffice.task import Sample

KEPT_EXAMPLES = 2000
_SHOWN_CHARACTERS = 200
_CACHED_TEXTS = 40_000  # 60 MB of vectors
_LEAST_DEV_ROWS = 30
_HOLD_OUT_EVERY = 5
_MOST_ROWS, _MOST_DEV_ROWS = 40_000, 10_000
_CHUNK = 512

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class LabelledRows:
    """Samples with the position of each one's label."""

    samples: Sequence[Sample]
    classes: Integers


@dataclass(frozen=True, kw_only=True)
class EmbeddedRows:
    """Labelled rows with their (n, d) vectors."""

    rows: LabelledRows
    vectors: Floats

    @property
    def pair(self) -> tuple[Floats, Integers]:
        """Returns vectors and classes."""
        return self.vectors, self.rows.classes


class HeadMethod:
    """Makes an encoder candidate without touching the encoder's weights.

    Settings of the candidate: `weights` (a folder, else the installed package), `hub` (ask the hub
    for absent weights), `threads` (for making it; all cores), `keep_texts` (True: up to 2,000 training
    texts of at most 200 characters are kept in the artefact to explain answers; False: their
    hashes). An embedder may be given that several methods of one run share.
    """

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._embedder = embedder

    def apply(
        self,
        candidate: Candidate,
        rows: TrainingRows,
        *,
        out: Path,
        teacher: Path | None,  # noqa: ARG002 - the port's signature
        seed: int,  # noqa: ARG002 - nothing here is random
        progress: Progress,
    ) -> None:
        """Writes the artefact into `out`.

        Raises:
            ArtefactError: the encoder's weights are absent or not the official ones.
            DataError: no rows, a row without a known label, or rows of one label only.
        """
        train, dev = split(rows)
        embedder = self._embedder or self._make_body(candidate, out)
        if self._embedder is not None:
            copy_body(self._embedder.folder, out)
        train_vectors = embed(embedder, train, what="reading train", progress=progress)
        dev_vectors = embed(embedder, dev, what="reading dev", progress=progress)
        progress("fitting the head", 0.0, 1.0)
        write_head(out, candidate, rows, train=train_vectors, dev=dev_vectors)
        progress("fitting the head", 1.0, 1.0)

    @staticmethod
    def _make_body(candidate: Candidate, out: Path) -> Embedder:
        quantised_body.write_body(encoder_for(candidate), out)
        return Embedder(
            out, threads=int(candidate.setting("threads", os.cpu_count() or 1)), cache_texts=_CACHED_TEXTS
        )


def split(rows: TrainingRows) -> tuple[LabelledRows, LabelledRows]:
    """Returns train and dev with label positions; a dev of under 30 rows is joined by every fifth of train.

    At most 40,000 and 10,000 rows are taken, at random but always the same: more would take an
    hour and hardly change a head on 384 numbers.

    Raises:
        DataError: no rows, a row without a known label, or rows of one label only.
    """
    train = _labelled(_thinned(rows.train, _MOST_ROWS), rows.labels)
    dev = _labelled(_thinned(rows.dev, _MOST_DEV_ROWS), rows.labels)
    if len(set(train.classes.tolist())) < 2:
        raise DataError(
            f"the train rows hold {len(set(train.classes.tolist()))} label(s); at least 2 are needed",
            hint="add rows of other labels",
        )
    if len(dev.samples) >= _LEAST_DEV_ROWS:
        return train, dev
    return _hold_out(train, dev)


def embed(embedder: Embedder, rows: LabelledRows, *, what: str, progress: Progress) -> EmbeddedRows:
    """Returns the rows with their vectors, telling progress after every 512 texts."""
    texts = [sample.text for sample in rows.samples]
    parts = [np.zeros((0, embedder.width), np.float32)]
    for start in range(0, len(texts), _CHUNK):
        progress(what, start, len(texts))
        parts.append(embedder.embed(texts[start : start + _CHUNK]).vectors)
    progress(what, len(texts), len(texts))
    return EmbeddedRows(rows=rows, vectors=np.concatenate(parts))


def write_head(
    out: Path,
    candidate: Candidate,
    rows: TrainingRows,
    *,
    train: EmbeddedRows,
    dev: EmbeddedRows,
    head: softmax_head.SoftmaxHead | None = None,
) -> None:
    """Writes the head beside the encoder in `out` and seals the folder.

    Without `head`, one is fitted on train with the penalty that does best on dev. Temperature and
    novelty are measured on dev.
    """
    chosen = head or softmax_head.choose(train.pair, dev.pair, labels=len(rows.labels))
    logits = chosen.logits(dev.vectors)
    temperature = calibration.temperature(logits.astype(np.float64), dev.rows.classes)
    kept = _kept_rows(train.rows.classes)
    keep_texts = bool(candidate.setting("keep_texts", True))  # noqa: FBT003 - a setting's default
    samples = [train.rows.samples[row] for row in kept.tolist()]
    names = tuple(s.text[:_SHOWN_CHARACTERS] if keep_texts else f"row {s.key[:12]}" for s in samples)
    examples = encoder.Examples(vectors=train.vectors[kept], classes=train.rows.classes[kept], names=names)
    novelty = _novelty(logits.max(axis=1), examples.nearest(dev.vectors))
    with files.writable(out):
        encoder.seal(
            out,
            name=candidate.name,
            head=encoder.Head(
                labels=rows.labels,
                weight=chosen.weight,
                bias=chosen.bias,
                temperature=temperature,
                novelty=novelty,
                examples=examples,
            ),
            keys=[sample.key for sample in samples],
            facts=_facts(rows) | {"C": chosen.C, "keeps_texts": keep_texts, "examples": len(kept)},
        )


def _facts(rows: TrainingRows) -> dict[str, Any]:
    """What a model card says of how the encoder reads and what it learned from."""
    return {
        "base": REPOSITORY,
        "window_tokens": WINDOW_TOKENS,
        "max_windows": MAX_WINDOWS,
        "train_rows": min(len(rows.train), _MOST_ROWS),
        "dev_rows": min(len(rows.dev), _MOST_DEV_ROWS),
        "targets_are_reference": rows.targets_are_reference,
    }


def copy_body(source: Path, out: Path) -> None:
    """Copies the encoder and its tokenizer into another artefact's folder."""
    for name in (ENCODER_FILE, TOKENIZER_FILE):
        files.write_bytes(out / name, (source / name).read_bytes())


def _thinned(samples: Sequence[Sample], most: int) -> Sequence[Sample]:
    if len(samples) <= most:
        return samples
    chosen = np.random.default_rng(0).permutation(len(samples))[:most]
    return [samples[row] for row in sorted(chosen.tolist())]


def _labelled(samples: Sequence[Sample], labels: tuple[str, ...]) -> LabelledRows:
    positions = {label: place for place, label in enumerate(labels)}
    for sample in samples:
        if sample.target not in positions:
            where = sample.source or f"row {sample.key[:12]}"
            raise DataError(f"{where}: the target {sample.target!r} is none of the task's labels")
    classes = np.array([positions[str(sample.target)] for sample in samples], np.int64)
    return LabelledRows(samples=samples, classes=classes)


def _hold_out(train: LabelledRows, dev: LabelledRows) -> tuple[LabelledRows, LabelledRows]:
    """Moves every fifth row of each label from train to dev."""
    seen: dict[int, int] = {}
    is_moved = np.zeros(len(train.samples), bool)
    for row, label in enumerate(train.classes.tolist()):
        seen[label] = seen.get(label, 0) + 1
        is_moved[row] = seen[label] % _HOLD_OUT_EVERY == 0
    if not is_moved.any() and not len(dev.samples):
        raise DataError(
            f"{len(train.samples)} train rows and no dev rows: there is nothing to calibrate on",
            hint=f"give at least {_HOLD_OUT_EVERY} rows of one label",
        )
    moved, stay = np.flatnonzero(is_moved), np.flatnonzero(~is_moved)
    kept = LabelledRows(samples=[train.samples[row] for row in stay.tolist()], classes=train.classes[stay])
    added = [*dev.samples, *(train.samples[row] for row in moved.tolist())]
    return kept, LabelledRows(samples=added, classes=np.concatenate([dev.classes, train.classes[moved]]))


def _kept_rows(classes: Integers) -> Integers:
    """Returns at most 2,000 positions, equally many of each label as far as they go, in order."""
    labels = np.unique(classes)
    share = max(1, KEPT_EXAMPLES // max(len(labels), 1))
    kept = [np.flatnonzero(classes == label)[:share] for label in labels]
    return np.sort(np.concatenate(kept))[:KEPT_EXAMPLES]


def _novelty(top_logit: Floats, cosine: Floats) -> encoder.Novelty:
    scales = {
        "logit_mean": float(top_logit.mean()),
        "logit_std": max(float(top_logit.std()), 1e-6),
        "cosine_mean": float(cosine.mean()),
        "cosine_std": max(float(cosine.std()), 1e-6),
    }
    median, edge = np.quantile(encoder.Novelty(**scales).raw(top_logit, cosine), [0.5, 0.95])
    return encoder.Novelty(**scales, median=float(median), edge=float(edge))
