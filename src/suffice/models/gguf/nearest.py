"""Examples chosen for each request: the train rows nearest to it are shown before it, the nearest last.

Nearest by the cosine of the sentence encoder's vectors (Liu et al. 2022, What Makes Good In-Context
Examples for GPT-3?). The artefact holds the encoder, the rows' vectors in 8 bits, their texts and answers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suffice import files
from suffice.errors import ArtefactError
from suffice.models.embedder import Embedder
from suffice.models.engine import DecoderEngine
from suffice.models.gguf.served import Prompted, Served
from suffice.models.gguf.settings import DecoderSettings
from suffice.ports import Request

VECTORS_FILE, ROWS_FILE = "shots.safetensors", "shots.json"

Floats = NDArray[np.float32]
Shot = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class KeptRows:
    """The rows that may be shown: m (text, answer) pairs, and their (m, width) unit vectors."""

    shots: tuple[Shot, ...]
    vectors: Floats

    def nearest(self, vector: Floats, count: int) -> tuple[Shot, ...]:
        """Returns the `count` rows of the largest cosine with a (width,) vector, the nearest last."""
        # One thread: BLAS would wake one on every core for a product this small.
        cosines = np.einsum("md,d->m", self.vectors, vector)
        order = np.argsort(-cosines, kind="stable")[:count]
        return tuple(self.shots[row] for row in order[::-1])


def save(rows: KeptRows, folder: Path) -> None:
    """Writes the rows into a folder: vectors in 8 bits with one scale a row, texts and answers as JSON."""
    from safetensors.numpy import save_file  # noqa: PLC0415 - needed only where examples are kept

    scale = np.maximum(np.abs(rows.vectors).max(axis=1, initial=0.0), 1e-12) / 127.0
    levels = np.rint(rows.vectors / scale[:, None]).astype(np.int8)
    with files.writable(folder):
        save_file({"levels": levels, "scale": scale.astype(np.float32)}, folder / VECTORS_FILE)
    files.write_json(folder / ROWS_FILE, [list(shot) for shot in rows.shots])


def load(folder: Path) -> KeptRows:
    """Returns the rows that `save` wrote.

    Raises:
        ArtefactError: a file is missing or damaged.
    """
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.numpy import load_file  # noqa: PLC0415

    try:
        tensors = load_file(folder / VECTORS_FILE)
        vectors = tensors["levels"].astype(np.float32) * tensors["scale"][:, None]
        pairs = json.loads((folder / ROWS_FILE).read_text(encoding="utf-8"))
        shots = tuple((str(text), str(answer)) for text, answer in pairs)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, IndexError) as error:
        raise ArtefactError(f"{folder}: the examples to be shown are damaged: {error!r}") from error
    if vectors.ndim != 2 or len(shots) != len(vectors) or not shots:
        raise ArtefactError(f"{folder}: {len(shots)} examples to be shown have vectors {vectors.shape}")
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return KeptRows(shots=shots, vectors=(vectors / lengths).astype(np.float32))


class Showing:
    """Finds the examples for a request: the kept rows and the encoder they were read by."""

    def __init__(self, rows: KeptRows, embedder: Embedder) -> None:
        self._rows = rows
        self._embedder = embedder

    @classmethod
    def load(cls, folder: Path, *, threads: int) -> Showing:
        """Returns it from an artefact's folder.

        Raises:
            ArtefactError: a file is missing or damaged, or the vectors are another encoder's.
        """
        rows, embedder = load(folder), Embedder(folder, threads=threads)
        if embedder.width != rows.vectors.shape[1]:
            raise ArtefactError(
                f"{folder}: the examples' vectors have {rows.vectors.shape[1]} numbers, the encoder's"
                f" {embedder.width}"
            )
        return cls(rows, embedder)

    def shots(self, text: str, count: int) -> tuple[Shot, ...]:
        """Returns the `count` nearest examples of a text, the nearest last."""
        return self._rows.nearest(self._embedder.embed([text]).vectors[0], count)


class NearestServed(Served):
    """A decoder that is shown other examples with each request; as many as fit the context."""

    def __init__(self, settings: DecoderSettings, engine: DecoderEngine, showing: Showing) -> None:
        self._showing = showing
        super().__init__(settings, engine)

    def beginning(self) -> list[int]:
        """Returns the tokens that prompts of any number of examples begin with: the instruction's."""
        prompt = self.settings.prompt
        shared: list[int] | None = None
        for count in range(self.settings.nearest + 1):
            frame = replace(prompt, shots=(("", ""),) * count).prefix_parts()
            tokens = self.engine.tokenize(frame[:1], is_start=True)
            shared = tokens if shared is None else _shared(shared, tokens)
        return shared or []

    def prompted(self, request: Request) -> Prompted:
        """Returns a request with its nearest examples; those least near are left out if they do not fit."""
        wanted, prompt = self.settings.nearest, self.settings.prompt
        ending = super().prompted(request).tokens
        shots = self._showing.shots(prompt.document(request), wanted) if self._fits(ending) else ()
        for count in range(len(shots), -1, -1):
            frame = replace(prompt, shots=shots[len(shots) - count :]).prefix_parts()
            tokens = self.engine.tokenize(frame, is_start=True)[self.prefix_tokens :] + ending
            if self._fits(tokens):
                break
        if count == wanted:
            return Prompted(tokens=tokens)
        note = f"{count} of {wanted} examples were shown: more do not fit the context"
        return Prompted(tokens=tokens, notes=(note,))

    def changed(self, settings: DecoderSettings) -> NearestServed:
        """Returns the same engine and examples with other settings."""
        return NearestServed(settings, self.engine, self._showing)

    def _fits(self, tokens: Sequence[int]) -> bool:
        return self.misfit(tokens, answer_tokens=self.settings.max_answer_tokens) is None


def _shared(first: Sequence[int], second: Sequence[int]) -> list[int]:
    """Returns the tokens that both begin with."""
    count = 0
    while count < min(len(first), len(second)) and first[count] == second[count]:
        count += 1
    return list(first[:count])
