"""A sentence encoder with a logistic head: the embedding rung, and the fine-tuned one."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from suffice.errors import ArtefactError
from suffice.models import artefact
from suffice.models.embedder import Embedder
from suffice.models.shares import shares_of
from suffice.ports import Answer, Classification, Reason, Request, Usage

HEAD_FILE, EXAMPLES_FILE = "head.safetensors", "examples.jsonl"
_FEW = 16

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Novelty:
    """How two scores become one novelty in [0, 1]; every number was measured on dev.

    The scores are the largest logit and the cosine to the nearest kept training example. Each is
    standardised, their negatives are added, and the sum is squashed so that the dev inputs'
    95th percentile maps to 1/2 and their median to 1/20.
    """

    logit_mean: float
    logit_std: float
    cosine_mean: float
    cosine_std: float
    median: float = 0.0
    edge: float = 1.0

    def raw(self, top_logit: Floats, cosine: Floats) -> NDArray[np.float64]:
        """Returns the standardised sum: the larger, the stranger."""
        logits = (top_logit.astype(np.float64) - self.logit_mean) / self.logit_std
        cosines = (cosine.astype(np.float64) - self.cosine_mean) / self.cosine_std
        return -(logits + cosines)

    def __call__(self, top_logit: Floats, cosine: Floats) -> NDArray[np.float64]:
        """Returns the novelty in [0, 1]."""
        steepness = np.log(19.0) / max(self.edge - self.median, 1e-6)
        shifted = np.clip(steepness * (self.raw(top_logit, cosine) - self.edge), -500.0, 500.0)
        novelty: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-shifted))
        return novelty


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Training examples kept to explain answers and to tell familiar inputs from foreign ones.

    `vectors`: (m, d) unit rows. `classes`: (m,) label positions. `names`: what is shown of each, its
    text, or its row's hash where texts are not kept.
    """

    vectors: Floats
    classes: NDArray[np.int64]
    names: tuple[str, ...]

    def nearest(self, vectors: Floats) -> Floats:
        """Returns each vector's cosine to its nearest example; -1 where none is kept."""
        if not len(self.vectors):
            return np.full(len(vectors), -1.0, np.float32)
        nearest: Floats = self.cosines(vectors).max(axis=1)
        return nearest

    def cosines(self, vectors: Floats) -> Floats:
        """Returns the (n, m) cosines with all examples."""
        if len(vectors) > _FEW:
            return vectors @ self.vectors.T
        # BLAS would wake a thread on every core for a product this small; einsum stays on this one.
        cosines: Floats = np.einsum("nd,md->nm", vectors, self.vectors)
        return cosines


@dataclass(frozen=True, kw_only=True)
class Head:
    """What turns vectors into answers: calibrated logits, novelty and examples."""

    labels: tuple[str, ...]
    weight: Floats
    bias: Floats
    temperature: float
    novelty: Novelty
    examples: Examples

    def classify(self, vectors: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns the (n, K) calibrated probabilities and the (n,) novelties."""
        logits = vectors @ self.weight + self.bias
        scaled = logits.astype(np.float64) / self.temperature
        odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        probabilities = odds / odds.sum(axis=1, keepdims=True)
        return probabilities, self.novelty(logits.max(axis=1), self.examples.nearest(vectors))


class EncoderModel:
    """Answers with the most probable label; explains itself by its nearest training examples."""

    simulated = False

    def __init__(self, name: str, embedder: Embedder, head: Head) -> None:
        self._name = name
        self._embedder = embedder
        self._head = head

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> Self:
        """Returns the model in a folder; it will use the stated number of threads.

        Raises:
            ArtefactError: the folder is damaged.
        """
        opened = artefact.unseal(folder)
        try:
            head = _read_head(opened)
            name = str(opened.settings["name"])
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise ArtefactError(
                f"{folder}: the encoder's head is damaged: {error!r}", hint="make the model again"
            ) from error
        embedder = Embedder(folder, threads=threads)
        if embedder.width != head.weight.shape[0]:
            raise ArtefactError(
                f"{folder}: the head reads {head.weight.shape[0]} numbers, the encoder gives {embedder.width}"
            )
        return cls(name, embedder, head)

    @property
    def name(self) -> str:
        """Returns the candidate's name."""
        return self._name

    @property
    def labels(self) -> tuple[str, ...]:
        """Returns the K labels in the order of the probabilities' columns."""
        return self._head.labels

    @property
    def threads(self) -> int:
        """Returns the number of threads the encoder uses."""
        return self._embedder.threads

    def classify(self, texts: Sequence[str]) -> Classification:
        """Returns probabilities (n, K) and novelty (n,) for n texts."""
        embedded = self._embedder.embed(texts)
        probabilities, novelty = self._head.classify(embedded.vectors)
        return Classification(probabilities=probabilities, novelty=novelty, notes=embedded.notes)

    def explain(self, text: str, *, top: int = 5) -> list[Reason]:
        """Returns the nearest kept training examples; weight: the cosine, negative where labels differ."""
        vectors = self._embedder.embed([text]).vectors
        answer = int(self._head.classify(vectors)[0].argmax())
        examples = self._head.examples
        cosines = examples.cosines(vectors)[0]
        reasons = []
        for row in np.argsort(-cosines, kind="stable")[:top]:
            label = int(examples.classes[row])
            sign = 1.0 if label == answer else -1.0
            evidence = f"{examples.names[row]} → {self.labels[label]}"
            reasons.append(Reason(evidence=evidence, weight=sign * float(cosines[row]), kind="example"))
        return reasons

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns one answer per request; latency is what the whole batch took, which each one waited."""
        if not requests:
            return []
        start = time.perf_counter()
        embedded = self._embedder.embed([request.text for request in requests])
        probabilities, novelty = self._head.classify(embedded.vectors)
        best = probabilities.argmax(axis=1)
        latency_ms = 1000.0 * (time.perf_counter() - start)
        return [
            Answer(
                text=self.labels[best[row]],
                confidence=float(probabilities[row, best[row]]),
                novelty=float(novelty[row]),
                usage=Usage(input_tokens=int(embedded.tokens_read[row]), output_tokens=0),
                latency_ms=latency_ms,
                tier=self._name,
                notes=embedded.notes[row],
                probabilities=shares_of(requests[row], self.labels, probabilities[row]),
            )
            for row in range(len(requests))
        ]

    async def close(self) -> None:
        """Does nothing: the session goes with the object."""


def seal(
    folder: Path, *, name: str, head: Head, keys: Sequence[str], facts: Mapping[str, Any]
) -> artefact.Artefact:
    """Returns the artefact after writing the head beside the encoder that lies in the folder.

    `keys` are the kept examples' row hashes; `facts` is added to the settings for people to read.
    Example vectors are kept in 8 bits with one scale a row.
    """
    from safetensors.numpy import save_file  # noqa: PLC0415 - needed only where heads are written or read

    examples = head.examples
    scale = np.maximum(np.abs(examples.vectors).max(axis=1, initial=0.0), 1e-12) / 127.0
    tensors = {
        "weight": np.ascontiguousarray(head.weight, np.float32),
        "bias": np.ascontiguousarray(head.bias, np.float32),
        "examples.levels": np.rint(examples.vectors / scale[:, None]).astype(np.int8),
        "examples.scale": scale.astype(np.float32),
        "examples.classes": examples.classes.astype(np.int32),
    }
    save_file(tensors, folder / HEAD_FILE)
    rows = [{"key": key, "shown": shown} for key, shown in zip(keys, examples.names, strict=True)]
    lines = "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in rows)
    (folder / EXAMPLES_FILE).write_bytes(lines.encode())
    settings = {
        "name": name,
        "labels": list(head.labels),
        "temperature": head.temperature,
        "novelty": vars(head.novelty),
        **facts,
    }
    return artefact.seal(folder, kind="encoder", settings=settings)


def _read_head(opened: artefact.Artefact) -> Head:
    from safetensors import SafetensorError  # noqa: PLC0415 - needed only where heads are written or read
    from safetensors.numpy import load_file  # noqa: PLC0415

    try:
        tensors = load_file(opened.file(HEAD_FILE))
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    lines = opened.file(EXAMPLES_FILE).read_bytes().split(b"\n")
    names = tuple(json.loads(line)["shown"] for line in lines if line)
    levels = tensors["examples.levels"].astype(np.float32)
    vectors = levels * tensors["examples.scale"][:, None]
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    labels = tuple(opened.settings["labels"])
    weight, bias = tensors["weight"], tensors["bias"]
    if weight.shape[1:] != (len(labels),) or bias.shape != (len(labels),) or len(names) != len(levels):
        raise ValueError("the head's sizes do not fit its labels and examples")
    return Head(
        labels=labels,
        weight=weight,
        bias=bias,
        temperature=float(opened.settings["temperature"]),
        novelty=Novelty(**opened.settings["novelty"]),
        examples=Examples(
            vectors=(vectors / lengths).astype(np.float32),
            classes=tensors["examples.classes"].astype(np.int64),
            names=names,
        ),
    )
