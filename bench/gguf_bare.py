"""llama.cpp alone, through its C interface: what suffice's engine is compared with."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice.models.gguf import attention, header, library

_SEQUENCES, _CELLS, _PASS_TOKENS = 32, 1024, 512


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One call of `llama_decode`, with the arrays it points into."""

    batch: library.Batch
    kept: tuple[Any, ...]


class Bare:
    """A model and a context: with the library's own defaults, or with the settings suffice certifies in."""

    def __init__(self, path: Path, *, threads: int, ours: bool = False) -> None:
        self._library = library.load()
        model_params = self._library.llama_model_default_params()
        model = self._library.llama_model_load_from_file(str(path).encode(), model_params)
        params = self._library.llama_context_default_params()
        params.n_threads = params.n_threads_batch = threads
        params.n_ctx, params.n_seq_max, params.kv_unified = _CELLS, _SEQUENCES, True
        params.n_batch = params.n_ubatch = _PASS_TOKENS
        if ours:
            attention.choose(params, header.read(path))
        self._context = self._library.llama_init_from_model(model, params)
        self._memory = self._library.llama_get_memory(self._context)

    def batch(self, *, documents: int, length: int, start: int) -> Pass:
        """Returns a pass over documents of chance tokens, each in its own sequence (from 0) from `start` on.

        Only each one's last token gives logits.
        """
        count = documents * length
        tokens = (ctypes.c_int32 * count)(*(300 + index for index in range(count)))
        positions = (ctypes.c_int32 * count)(*(start + index % length for index in range(count)))
        ones = (ctypes.c_int32 * count)(*([1] * count))
        sequences = [ctypes.c_int32(index // length) for index in range(count)]
        wanted = (ctypes.c_int8 * count)(*(index % length == length - 1 for index in range(count)))
        places = (ctypes.c_void_p * count)(*(ctypes.addressof(sequence) for sequence in sequences))
        batch = library.Batch(
            n_tokens=count,
            token=ctypes.addressof(tokens),
            pos=ctypes.addressof(positions),
            n_seq_id=ctypes.addressof(ones),
            seq_id=ctypes.addressof(places),
            logits=ctypes.addressof(wanted),
        )
        return Pass(batch=batch, kept=(tokens, positions, ones, sequences, wanted, places))

    def decode(self, one: Pass) -> None:
        """Runs a pass and fetches its last logits."""
        if self._library.llama_decode(self._context, one.batch):
            raise SystemExit("llama.cpp refused a pass")
        self._library.llama_get_logits_ith(self._context, -1)

    def clear(self) -> None:
        """Forgets everything that was read."""
        self._library.llama_memory_clear(self._memory, True)  # noqa: FBT003 - the library's argument

    def share_prefix(self, length: int, *, documents: int) -> None:
        """Reads a prefix once, and lets this many sequences begin with it."""
        self.clear()
        self.decode(self.batch(documents=1, length=length, start=0))
        for sequence in range(1, documents):
            self._library.llama_memory_seq_cp(self._memory, 0, sequence, -1, -1)

    def forget_after(self, length: int, *, documents: int) -> None:
        """Forgets what sequences read after their prefix."""
        for sequence in range(documents):
            self._library.llama_memory_seq_rm(self._memory, sequence, length, -1)
