"""The 8-bit encoder that is served, made from float tensors: measure the activations, then quantise."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suffice import files
from suffice.adapt.encoder import bert_graph
from suffice.adapt.encoder.weights import EncoderFiles, read_tensors
from suffice.models.embedder import ENCODER_FILE, TOKENIZER_FILE, open_session

_CLS, _SEP = 101, 102
# Entries of the vocabulary before the first whole word are special, unused or single signs.
_FIRST_WORD = 1996
_CALIBRATION_TEXTS, _CALIBRATION_TOKENS = 128, 14


def write_body(
    encoder: EncoderFiles,
    out: Path,
    *,
    tensors: Mapping[str, NDArray[np.float32]] | None = None,
    calibration: Sequence[Sequence[int]] | None = None,
) -> None:
    """Writes `encoder.onnx` (8-bit) and `tokenizer.json` into a folder.

    `tensors` replaces the official weights (a fine-tuned encoder). `calibration` are token ids of
    texts on which the activations' ranges are measured; without it, random words of the
    vocabulary, so that the same weights always give the same bytes whatever the task.
    """
    weights = read_tensors(encoder.weights) if tensors is None else tensors
    ids = pseudo_texts(weights) if calibration is None else calibration
    smoothing = activation_ranges(weights, ids)
    with files.writable(out):
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(encoder.tokenizer, out / TOKENIZER_FILE)
    files.write_bytes(out / ENCODER_FILE, bert_graph.bert_graph(weights, smoothing=smoothing))


def pseudo_texts(tensors: Mapping[str, NDArray[np.float32]]) -> list[list[int]]:
    """Returns token ids of random word sequences, always the same for one vocabulary size.

    Outlying channels of BERT's layer norms belong to the weights, not to the texts, so words in
    any order find them.
    """
    rng = np.random.default_rng(0)
    size = tensors["embeddings.word_embeddings.weight"].shape[0]
    first = min(_FIRST_WORD, size // 2)
    words = rng.integers(first, size, (_CALIBRATION_TEXTS, _CALIBRATION_TOKENS - 2))
    return [[min(_CLS, size - 2), *map(int, row), min(_SEP, size - 1)] for row in words]


def activation_ranges(
    tensors: Mapping[str, NDArray[np.float32]], texts: Sequence[Sequence[int]]
) -> dict[str, NDArray[np.float32]]:
    """Returns max |x| per channel at each layer norm that feeds a matrix product, over the texts' tokens."""
    names = bert_graph.norm_names(bert_graph.shape_of(tensors))
    session = open_session(bert_graph.bert_graph(tensors, show_norms=True), threads=1)
    ranges = {name: np.zeros(0, np.float32) for name in names}
    by_length: dict[int, list[Sequence[int]]] = {}
    for text in texts:
        by_length.setdefault(len(text), []).append(text)
    for group in by_length.values():
        for start in range(0, len(group), 32):
            ids = np.array(group[start : start + 32], np.int64)
            for name, values in zip(names, session.run(names, {bert_graph.INPUT: ids}), strict=True):
                largest = np.abs(values).max(axis=(0, 1))
                ranges[name] = np.maximum(ranges[name], largest) if ranges[name].size else largest
    return ranges
