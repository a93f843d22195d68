"""Text vectors from a decoder: the mean of its last layer over the tokens, in a context of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from suffice.errors import ModelError
from suffice.models.engine import Floats
from suffice.models.gguf import library

_MEAN = 1  # enum llama_pooling_type
_LEAST_TOKENS = 128


class Embedder:
    """Reads sequences one by one; the context is made when first needed, as large as the longest asks."""

    def __init__(self, loaded: Any, model: Any, *, threads: int) -> None:
        self._library = loaded
        self._model = model
        self._threads = threads
        self._context: Any = None
        self._room = 0

    def embed(self, sequences: Sequence[Sequence[int]]) -> Floats:
        """Returns one unit vector per sequence of tokens: (n, width); a sequence without tokens is refused.

        Raises:
            ModelError: the engine failed.
        """
        width = int(self._library.llama_model_n_embd(self._model))
        vectors = np.empty((len(sequences), width), np.float32)
        if len(sequences):
            self._make_room(max(len(tokens) for tokens in sequences))
        for row, tokens in enumerate(sequences):
            vectors[row] = self._one(np.asarray(tokens, np.int32), width)
        lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        unit: Floats = vectors / lengths
        return unit

    def close(self) -> None:
        """Releases the context; calling it twice is harmless."""
        if self._context:
            self._library.llama_free(self._context)
            self._context = None

    def _make_room(self, tokens: int) -> None:
        if self._context and tokens <= self._room:
            return
        self.close()
        self._room = max(_LEAST_TOKENS, -(-tokens // 64) * 64)
        params = self._library.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = self._room
        params.n_threads = params.n_threads_batch = self._threads
        params.embeddings, params.pooling_type = True, _MEAN
        self._context = self._library.llama_init_from_model(self._model, params)
        if not self._context:
            raise ModelError(f"no context for embeddings could be made: {library.last_words()}")

    def _one(self, tokens: Any, width: int) -> Floats:
        count = len(tokens)
        if not count:
            raise ModelError("a text without tokens has no vector")
        self._library.llama_memory_clear(self._library.llama_get_memory(self._context), True)  # noqa: FBT003
        positions, ones = np.arange(count, dtype=np.int32), np.ones(count, np.int32)
        sequence = np.zeros(1, np.int32)
        places = np.full(count, sequence.ctypes.data, np.uint64)
        wanted = np.ones(count, np.int8)
        batch = library.Batch(
            n_tokens=count,
            token=tokens.ctypes.data,
            pos=positions.ctypes.data,
            n_seq_id=ones.ctypes.data,
            seq_id=places.ctypes.data,
            logits=wanted.ctypes.data,
        )
        code = self._library.llama_decode(self._context, batch)
        if code:
            raise ModelError(f"llama.cpp could not read {count:,} tokens (code {code})")
        vector = self._library.llama_get_embeddings_seq(self._context, 0)
        copied: Floats = np.ctypeslib.as_array(vector, (width,)).copy()
        return copied
