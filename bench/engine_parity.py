"""Two engines side by side: logits, tokens, greedy answers, and what a sequence's keys and values take."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suffice.models.engine import DecoderEngine, Piece
from suffice.models.gguf import library
from suffice.models.gguf.engine import LlamaEngine
from suffice.models.prompt import Part


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How two engines' logits compare over `positions` places of one text."""

    positions: int
    max_difference: float
    top_1: int  # places where both would write the same token
    kl: float  # mean, in nats


def parity(wanted: NDArray[np.float32], found: NDArray[np.float32]) -> Parity:
    """Returns how logits (positions, vocabulary) compare with the reference's."""
    found = found[:, : wanted.shape[1]]
    wide, other = wanted.astype(np.float64), found.astype(np.float64)
    log_p, log_q = (rows - np.logaddexp.reduce(rows, axis=1, keepdims=True) for rows in (wide, other))
    return Parity(
        positions=len(wanted),
        max_difference=float(np.abs(wide - other).max()),
        top_1=int((wide.argmax(1) == other.argmax(1)).sum()),
        kl=float((np.exp(log_p) * (log_p - log_q)).sum(1).mean()),
    )


def logits(engine: DecoderEngine, tokens: Sequence[int]) -> NDArray[np.float32]:
    """Returns the logits after each token of one text."""
    sequence = engine.open()
    try:
        (found,) = engine.extend([Piece(sequence=sequence, tokens=tokens, wanted=len(tokens))])
    finally:
        engine.drop(sequence)
    return found


def logits_of(path: Path, tokens: Sequence[int]) -> NDArray[np.float32]:
    """Returns the logits of a GGUF file's model after each token of one text."""
    engine = LlamaEngine(path)
    try:
        return logits(engine, tokens)
    finally:
        engine.close()


def same_tokens(one: DecoderEngine, other: DecoderEngine, texts: Sequence[str]) -> tuple[int, int]:
    """Returns how many of the texts become the same tokens in both engines, and of how many."""
    same = 0
    for text in texts:
        parts = [Part(text=text, is_markup=False)]
        same += one.tokenize(parts, is_start=True) == other.tokenize(parts, is_start=True)
    return same, len(texts)


def published_ids(engine: DecoderEngine, data: Path) -> tuple[int, int]:
    """Returns how many of the published test strings of this vocabulary get their published ids."""
    folder = data / "tokenizers" / "llamacpp_test_vectors"
    texts = (folder / "ggml-vocab-mpt.gguf.inp").read_text(encoding="utf-8").split("\n__ggml_vocab_test__\n")
    ids = (folder / "ggml-vocab-mpt.gguf.out").read_text(encoding="utf-8").split("\n")
    pairs = [(text, [int(one) for one in line.split()]) for text, line in zip(texts, ids, strict=False)]
    same = [
        wanted == engine.tokenize([Part(text=text, is_markup=False)], is_start=True) for text, wanted in pairs
    ]
    return sum(same), len(same)


def same_greedy(one: DecoderEngine, other: DecoderEngine, start: Sequence[int]) -> tuple[int, int]:
    """Returns how many of 16 greedy tokens are the same in both engines, and 16."""
    first, second = greedy(one, start, 16), greedy(other, start, 16)
    return sum(a == b for a, b in zip(first, second, strict=True)), len(first)


def greedy(engine: DecoderEngine, start: Sequence[int], count: int) -> list[int]:
    """Returns the `count` likeliest tokens one after another, ends included."""
    sequence, tokens, written = engine.open(), list(start), []
    try:
        for _ in range(count):
            (found,) = engine.extend([Piece(sequence=sequence, tokens=tokens)])
            tokens = [int(found[-1].argmax())]
            written += tokens
    finally:
        engine.drop(sequence)
    return written


def cache_bytes_per_token(engine: LlamaEngine, tokens: Sequence[int]) -> float:
    """Returns the bytes by which llama.cpp's state of one sequence grows per token."""
    size = library.load().llama_state_seq_get_size
    sizes = []
    for count in (64, 128):
        sequence = engine.open()
        engine.extend([Piece(sequence=sequence, tokens=tokens[:count])])
        sizes.append(_state_bytes(size, engine, sequence))
        engine.drop(sequence)
    return (sizes[1] - sizes[0]) / 64


def _state_bytes(function: Any, engine: Any, sequence: int) -> int:
    function.restype, function.argtypes = ctypes.c_size_t, [ctypes.c_void_p, ctypes.c_int32]
    return int(function(engine._context, sequence))  # noqa: SLF001 - the engine has no such question
