"""A frozen encoder's first layers: they give words their vectors in training, and score tags when served."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suffice import files
from suffice.adapt.encoder import bert_graph, quantised_body
from suffice.adapt.encoder.weights import EncoderFiles, read_tensors
from suffice.errors import SpecError
from suffice.models.embedder import TOKENIZER_FILE
from suffice.models.tagger.word_states import STATES_FILE, WordStates
from suffice.models.tagger.words import Word

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]

_CHUNK = 256
_TINY = 1e-6


class FrozenBody:
    """The first layers of an encoder in 8 bits, the same when trained on and when served.

    What the last layers of a sentence encoder keep is the sense of the whole; tags are better told by what
    the layers before them say of each word (Tenney et al. 2019, arXiv 1905.05950), in fewer bytes.
    """

    def __init__(self, encoder: EncoderFiles, *, layers: int, threads: int) -> None:
        """Builds the graph in memory; takes some seconds.

        Raises:
            ArtefactError: the weights are damaged or no BERT encoder's.
            SpecError: the encoder has fewer layers.
        """
        tensors = read_tensors(encoder.weights)
        if layers > (most := bert_graph.shape_of(tensors).layers):
            raise SpecError(f"ladder: layers is {layers}, but the encoder has {most}")
        self._tensors = {name: value for name, value in tensors.items() if _is_kept(name, layers)}
        self._smoothing = quantised_body.activation_ranges(
            self._tensors, quantised_body.pseudo_texts(self._tensors)
        )
        self.layers = layers
        self._encoder, self._threads = encoder, threads
        graph = bert_graph.token_graph(self._tensors, smoothing=self._smoothing)
        self._states = WordStates(graph, encoder.tokenizer, threads=threads)
        self._mean = np.zeros(self._states.width)
        self._spread = np.ones(self._states.width)

    def vectors(
        self, texts: Sequence[str], words: Sequence[Sequence[Word]], *, heard: Callable[[float], None]
    ) -> list[Halves]:
        """Returns each text's (words, width) vectors, standardised over these texts, as `export` remembers.

        Words that the encoder did not reach, or knows no piece of, have zeros.
        """
        found: list[Halves] = []
        sums = np.zeros((2, self._states.width))
        count = 0
        for start in range(0, len(texts), _CHUNK):
            heard(start / len(texts))
            some = words[start : start + _CHUNK]
            for own, said in zip(some, self._states.read(texts[start : start + _CHUNK], some), strict=True):
                rows = np.zeros((len(own), self._states.width), np.float16)
                rows[: len(said.rows)] = said.rows
                found.append(rows)
                known = said.rows[said.rows.any(axis=1)].astype(np.float64)
                sums += known.sum(axis=0), (known * known).sum(axis=0)
                count += len(known)
        mean, square = sums / max(count, 1)
        self._mean, self._spread = mean, np.sqrt(np.maximum(square - mean * mean, 0.0)) + _TINY
        return [self._standard(rows) for rows in found]

    def export(self, dense: Floats, out: Path) -> WordStates:
        """Returns what is written into `out`, opened: the body with weights (width, L) of its vectors."""
        weight = dense / self._spread[:, None]
        head = weight.astype(np.float32), (-(self._mean @ weight)).astype(np.float32)
        with files.writable(out):
            shutil.copyfile(self._encoder.tokenizer, out / TOKENIZER_FILE)
        graph = bert_graph.token_graph(self._tensors, smoothing=self._smoothing, head=head)
        files.write_bytes(out / STATES_FILE, graph)
        return WordStates(out / STATES_FILE, out / TOKENIZER_FILE, threads=self._threads)

    def _standard(self, rows: Halves) -> Halves:
        is_known = rows.any(axis=1, keepdims=True)
        standard: Halves = np.where(is_known, (rows - self._mean) / self._spread, 0.0).astype(np.float16)
        return standard


def _is_kept(name: str, layers: int) -> bool:
    return not name.startswith("encoder.layer.") or int(name.split(".")[2]) < layers
