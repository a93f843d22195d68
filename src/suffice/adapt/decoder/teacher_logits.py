"""A served decoder's opinion of each next token, for a student that cuts text into the same tokens."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from suffice import extras
from suffice.models.engine import Piece
from suffice.models.gguf.engine import LlamaEngine


class TeacherLogits:
    """What the file that is served says of tokens: the training loop's `Teacher`.

    It is asked row by row while the student trains, so that rows may differ from epoch to epoch.
    """

    def __init__(self, weights: Path, *, vocabulary: int, threads: int) -> None:
        """Opens the file; `vocabulary` is the number of the student's tokens, the teacher's first ones.

        Raises:
            ArtefactError: llama.cpp cannot serve the file.
            MissingExtra: the extra `gguf` is not installed.
        """
        self._torch = extras.require("torch", extra="train", feature="distillation")
        self._engine = LlamaEngine(weights, threads=threads)
        self._vocabulary = vocabulary

    def __call__(self, ids: Any, wanted: Any) -> Any:
        """Returns (n, vocabulary) logits of the n tokens of `ids` (B, T) that `wanted` marks, in order."""
        rows, marks = ids.cpu().numpy(), wanted.cpu().numpy()
        found = [self._row(row, np.flatnonzero(mark)) for row, mark in zip(rows, marks, strict=True)]
        return self._torch.from_numpy(np.concatenate(found)).to(ids.device)

    def close(self) -> None:
        """Releases the engine."""
        self._engine.close()

    def _row(self, tokens: Any, places: Any) -> Any:
        """Returns the logits before each place: (places, vocabulary)."""
        if not len(places):
            return np.empty((0, self._vocabulary), np.float32)
        first, last = int(places[0]), int(places[-1])
        sequence = self._engine.open()
        try:
            piece = Piece(sequence=sequence, tokens=tokens[:last].tolist(), wanted=last - first + 1)
            (said,) = self._engine.extend([piece])
        finally:
            self._engine.drop(sequence)
        return said[places - first, : self._vocabulary]


def tokens_of(weights: Path) -> tuple[list[str], list[str]]:
    """Returns a GGUF file's tokens and merges: two decoders with equal ones cut text alike.

    Raises:
        MissingExtra: the extra `train` is not installed.
    """
    gguf = extras.require("gguf", extra="train", feature="distillation")
    reader = gguf.GGUFReader(weights)
    found = [reader.get_field(f"tokenizer.ggml.{name}") for name in ("tokens", "merges")]
    tokens, merges = ([] if field is None else field.contents() for field in found)
    return list(tokens), list(merges)


def own_tokens(tokenizer_json: str) -> tuple[list[str], list[str]]:
    """Returns the tokens (in order) and merges of a tokenizer in Hugging Face's JSON."""
    told = json.loads(tokenizer_json)
    vocabulary = dict(told["model"]["vocab"])
    vocabulary |= {added["content"]: added["id"] for added in told["added_tokens"]}
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in told["model"]["merges"]]
    return sorted(vocabulary, key=vocabulary.__getitem__), merges
