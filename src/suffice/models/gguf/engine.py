"""The llama.cpp engine: a GGUF file, its sequences, and the passes over them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suffice.errors import ArtefactError, ModelError
from suffice.models.engine import Constraint, Floats, Grammar, Piece
from suffice.models.gguf import attention, embedding, header, library, plausible
from suffice.models.gguf.grammar import Grammars, has_keys
from suffice.models.gguf.vocabulary import Vocabulary
from suffice.models.prompt import Part

_BATCH_TOKENS = 512
_SEQUENCES = 64
_LEAST_CELLS = 2048
# Architectures whose memory is no list of tokens: nothing can be shared or cut.
_UNCUT = ("mamba", "rwkv", "jamba", "falcon-h1", "granitehybrid", "lfm2", "plamo2", "nemotron_h", "qwen3next")


class LlamaEngine:
    """A `DecoderEngine` over llama.cpp.

    All sequences live in one memory of `cells` tokens; a copy shares its parent's cells. Threads: those
    of one pass; answers do not depend on them beyond rounding.
    """

    def __init__(self, path: Path, *, threads: int = 1, context_tokens: int | None = None) -> None:
        """Loads a file whose header was found sound.

        Raises:
            ArtefactError: the header is wrong, or llama.cpp cannot serve the model.
            MissingExtra: xllamacpp is absent.
        """
        self.header = header.read(path)
        self._model = self._memory = self._context = None
        self._library = library.load()
        self._model = self._load(path)
        self._vocabulary = Vocabulary(self._library, self._library.llama_model_get_vocab(self._model))
        trained = int(self._library.llama_model_n_ctx_train(self._model))
        self._context_tokens = min(context_tokens or trained, trained)
        self._cells = max(2 * self._context_tokens, _LEAST_CELLS)
        self._context = self._open_context(path, threads)
        self._memory = self._library.llama_get_memory(self._context)
        self._lengths: dict[int, int] = {}
        self._free = list(range(_SEQUENCES))[::-1]
        self._batch = _Batch(_BATCH_TOKENS)
        self._grammars = Grammars(self._library, self._vocabulary)
        self._embedder = embedding.Embedder(self._library, self._model, threads=threads)

    def _load(self, path: Path) -> Any:
        if self.header.architecture.startswith(_UNCUT):
            raise ArtefactError(
                f"{path}: {self.header.architecture!r} keeps a state that sequences cannot share",
                hint="take a model whose layers are all attention",
            )
        plausible.check(self.header, path)
        library.forget_words()
        params = self._library.llama_model_default_params()
        params.n_gpu_layers = 0
        params.check_tensors = True  # a weight that is no number would end the process in the first pass
        model = self._library.llama_model_load_from_file(str(path).encode(), params)
        if not model:
            raise ArtefactError(f"{path}: llama.cpp cannot load it: {library.last_words()}")
        if self._library.llama_model_has_encoder(model) or not self._library.llama_model_has_decoder(model):
            self._library.llama_model_free(model)
            raise ArtefactError(f"{path}: {self.header.architecture!r} is no decoder")
        return model

    def _open_context(self, path: Path, threads: int) -> Any:
        params = self._library.llama_context_default_params()
        params.n_ctx, params.n_seq_max = self._cells, _SEQUENCES
        params.n_batch = params.n_ubatch = _BATCH_TOKENS
        params.n_outputs_max = params.n_outputs_max_per_seq = _SEQUENCES
        params.n_threads = params.n_threads_batch = threads
        params.kv_unified = True
        attention.choose(params, self.header)
        context = self._library.llama_init_from_model(self._model, params)
        if not context:
            raise ArtefactError(
                f"{path}: no context of {self._cells:,} tokens could be made: {library.last_words()}",
                hint="lower limits.context_tokens, or free memory",
            )
        return context

    @property
    def vocabulary(self) -> int:
        """Returns the number of tokens."""
        return self._vocabulary.size

    @property
    def context_tokens(self) -> int:
        """Returns how many tokens a sequence may have: the stated number, at most the trained one."""
        return self._context_tokens

    @property
    def cells(self) -> int:
        """Returns how many tokens all sequences may hold together."""
        return self._cells

    @property
    def sequences(self) -> int:
        """Returns how many sequences may be open at once."""
        return _SEQUENCES

    @property
    def batch_tokens(self) -> int:
        """Returns how many tokens one pass reads."""
        return _BATCH_TOKENS

    @property
    def end_tokens(self) -> frozenset[int]:
        """Returns the tokens that end an answer, as the file names them."""
        return self._vocabulary.end_tokens

    @property
    def writes_first_space(self) -> bool:
        """Says whether the tokenizer puts a space before a text, as SentencePiece does."""
        return self._vocabulary.writes_first_space

    @property
    def has_keys(self) -> bool:
        """Says whether some tokens are whole JSON keys, as in decoders made for one task."""
        return has_keys(self._vocabulary)

    @property
    def end_token(self) -> int:
        """Returns the one token an answer is trained to end with; -1 where the file names none."""
        return self._vocabulary.end

    @property
    def chat_template(self) -> str:
        """Returns the template by which the model was taught to chat.

        Raises:
            ArtefactError: the file holds none.
        """
        found = self.header.values.get("tokenizer.chat_template")
        if not isinstance(found, str):
            raise ArtefactError(
                "the GGUF file holds no chat template",
                hint="give the prompt a chat_template, or use style plain",
            )
        return found

    @property
    def marks(self) -> tuple[str, str]:
        """Returns how a text's first and last token are written: a chat template's bos and eos."""
        return self._vocabulary.marks

    def tokenize(self, parts: Sequence[Part], *, is_start: bool) -> list[int]:
        """Returns the parts' tokens, each part for itself; at the start with the model's first token."""
        return self._vocabulary.tokenize(parts, is_start=is_start)

    def piece(self, token: int) -> bytes:
        """Returns a token's bytes; control tokens have none."""
        return self._vocabulary.piece(token)

    def open(self, parent: int | None = None) -> int:
        """Returns a new sequence, empty or sharing what its parent holds now."""
        if not self._free:
            raise ModelError(f"all {_SEQUENCES} sequences of the engine are open")
        sequence = self._free.pop()
        self._lengths[sequence] = 0
        if parent is not None:
            self._library.llama_memory_seq_cp(self._memory, parent, sequence, -1, -1)
            self._lengths[sequence] = self._lengths[parent]
        return sequence

    def length(self, sequence: int) -> int:
        """Returns the number of tokens a sequence holds."""
        return self._lengths[sequence]

    def extend(self, pieces: Sequence[Piece]) -> list[Floats]:
        """Returns for each piece its logits (wanted, vocabulary), after appending its tokens."""
        before = {piece.sequence: self._lengths[piece.sequence] for piece in pieces}
        rows = np.empty((sum(piece.wanted for piece in pieces), self.vocabulary), np.float32)
        flat = _Flat(pieces, before)
        done = row = 0
        while done < len(flat.tokens):
            end = flat.end_of_pass(done, _BATCH_TOKENS, _SEQUENCES)
            code = self._library.llama_decode(self._context, self._batch.filled(flat, done, end))
            if code:
                for sequence, length in before.items():
                    self._library.llama_memory_seq_rm(self._memory, sequence, length, -1)
                raise ModelError(f"llama.cpp could not read {len(flat.tokens):,} tokens (code {code})")
            for place in np.flatnonzero(flat.wanted[done:end]):
                logits = self._library.llama_get_logits_ith(self._context, int(place))
                rows[row] = np.ctypeslib.as_array(logits, (self.vocabulary,))
                row += 1
            done = end
        for piece in pieces:
            self._lengths[piece.sequence] += len(piece.tokens)
        ends = np.cumsum([piece.wanted for piece in pieces])
        return np.split(rows, ends[:-1])

    def cut(self, sequence: int, length: int) -> None:
        """Drops a sequence's tokens after the first `length`."""
        if length < self._lengths[sequence]:
            self._library.llama_memory_seq_rm(self._memory, sequence, length, -1)
            self._lengths[sequence] = length

    def drop(self, sequence: int) -> None:
        """Closes a sequence; those opened from it keep what they share."""
        self._library.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        del self._lengths[sequence]
        self._free.append(sequence)

    def constrain(self, grammar: Grammar) -> Constraint:
        """Returns a fresh state under a grammar."""
        return self._grammars.state(grammar)

    def embed(self, sequences: Sequence[Sequence[int]]) -> Floats:
        """Returns one unit vector per sequence of tokens: (n, width)."""
        return self._embedder.embed(sequences)

    def close(self) -> None:
        """Releases the model; calling it twice is harmless."""
        if self._model:
            self._embedder.close()
            self._grammars.close()
            self._library.llama_free(self._context)
            self._library.llama_model_free(self._model)
            self._model = self._context = self._memory = None

    def __del__(self) -> None:
        if getattr(self, "_model", None) and getattr(self, "_context", None):
            self.close()


class _Flat:
    """The tokens of all pieces one after another, with their positions, sequences, and wanted logits."""

    def __init__(self, pieces: Sequence[Piece], before: dict[int, int]) -> None:
        self.tokens = np.concatenate([np.asarray(piece.tokens, np.int32) for piece in pieces])
        sizes = [len(piece.tokens) for piece in pieces]
        self._ends = np.cumsum(sizes)
        self.sequences = np.repeat(np.array([piece.sequence for piece in pieces], np.int32), sizes)
        firsts = np.array([before[piece.sequence] for piece in pieces]) - (self._ends - sizes)
        self.positions = (np.arange(len(self.tokens)) + np.repeat(firsts, sizes)).astype(np.int32)
        self.wanted = np.zeros(len(self.tokens), np.int8)
        for end, piece in zip(self._ends, pieces, strict=True):
            self.wanted[end - piece.wanted : end] = 1

    def end_of_pass(self, start: int, tokens: int, outputs: int) -> int:
        """Returns where a pass ends that begins at `start`, under both limits.

        It ends with a piece where one fits: a text that is always read in one pass has the same logits
        to rounding in any company.
        """
        counts = np.cumsum(self.wanted[start : start + tokens])
        end = start + int(np.searchsorted(counts, outputs, side="right"))
        whole = int(np.searchsorted(self._ends, end, side="right")) - 1
        return int(self._ends[whole]) if whole >= 0 and self._ends[whole] > start else end


class _Batch:
    """The arrays a pass is handed over in, made once."""

    def __init__(self, tokens: int) -> None:
        self._token, self._position = np.zeros(tokens, np.int32), np.zeros(tokens, np.int32)
        self._sequence, self._wanted = np.zeros(tokens, np.int32), np.zeros(tokens, np.int8)
        self._ones = np.ones(tokens, np.int32)
        places = self._sequence.ctypes.data + 4 * np.arange(tokens, dtype=np.uint64)
        self._places = places.astype(np.uint64)
        self._struct = library.Batch(
            token=self._token.ctypes.data,
            pos=self._position.ctypes.data,
            n_seq_id=self._ones.ctypes.data,
            seq_id=self._places.ctypes.data,
            logits=self._wanted.ctypes.data,
        )

    def filled(self, flat: _Flat, start: int, end: int) -> library.Batch:
        """Returns the struct that holds the tokens from `start` to `end`."""
        count = end - start
        self._token[:count] = flat.tokens[start:end]
        self._position[:count] = flat.positions[start:end]
        self._sequence[:count] = flat.sequences[start:end]
        self._wanted[:count] = flat.wanted[start:end]
        self._struct.n_tokens = count
        return self._struct
