"""The reference engine: a Hugging Face folder, run by transformers in 32-bit floats or 8-bit integers."""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from suffice import extras
from suffice.errors import ArtefactError, ModelError, SpecError
from suffice.models.decode import json_keys
from suffice.models.engine import Constraint, Floats, Grammar, Piece
from suffice.models.prompt import Part
from suffice.models.transformers import adapter as adapters
from suffice.models.transformers import folder as folders
from suffice.models.transformers import int8
from suffice.models.transformers.vocabulary import Vocabulary

_SEQUENCES = 64
_BATCH_TOKENS = 512
_FEATURE = "running a decoder by transformers"


@dataclass(kw_only=True)
class _Sequence:
    """What a sequence holds: its tokens, and the keys and values of the first `cached` of them."""

    tokens: list[int] = field(default_factory=list)
    cache: Any = None
    cached: int = 0


class TransformersEngine:
    """A `DecoderEngine` over transformers: slow and plain, what other engines are compared with.

    One sequence is read at a time, with its keys and values kept in float32. Cutting a sequence drops
    them: what is left is read again.
    """

    def __init__(
        self,
        folder: Path,
        *,
        adapter: Path | None = None,
        threads: int = 1,
        context_tokens: int | None = None,
    ) -> None:
        """Loads a checked folder, in 8-bit integers where it is; an adapter's matrices are merged.

        Raises:
            ArtefactError: the folder or the adapter cannot be used, or weights are missing.
            MissingExtra: the packages of the extra `train` are missing.
        """
        self._torch = extras.require("torch", extra="train", feature=_FEATURE)
        checked = folders.check(folder)
        self._torch.set_num_threads(threads)
        if int8.is_int8(checked):
            self._model = int8.loaded(checked, adapter)
        else:
            if adapter is not None:
                adapters.check(adapter, checked.tensors)
            self._model = loaded(folder, adapter, self._torch)
        self._tokens = Vocabulary(folder)
        trained = int(self._model.config.max_position_embeddings)
        self._context_tokens = min(context_tokens or trained, trained)
        self._sequences: dict[int, _Sequence] = {}
        self._free = list(range(_SEQUENCES))[::-1]

    @property
    def vocabulary(self) -> int:
        """Returns the number of tokens the model has logits for."""
        return int(self._model.config.vocab_size)

    @property
    def context_tokens(self) -> int:
        """Returns how many tokens a sequence may have."""
        return self._context_tokens

    @property
    def cells(self) -> int:
        """Returns how many tokens all sequences may hold together; here nothing is shared."""
        return _SEQUENCES * self._context_tokens

    @property
    def sequences(self) -> int:
        """Returns how many sequences may be open at once."""
        return _SEQUENCES

    @property
    def batch_tokens(self) -> int:
        """Returns how many tokens one pass is meant to read."""
        return _BATCH_TOKENS

    @property
    def end_tokens(self) -> frozenset[int]:
        """Returns the tokens that end an answer: those of the configuration and of the tokenizer."""
        named = self._model.generation_config.eos_token_id
        ids = named if isinstance(named, list) else [named]
        return frozenset(token for token in (*ids, self._tokens.end) if token is not None)

    @property
    def has_keys(self) -> bool:
        """Says whether some tokens are whole JSON keys, as in decoders made for one task."""
        return json_keys.any_key(map(self.piece, range(self.vocabulary)))

    @property
    def end_token(self) -> int:
        """Returns the one token a trained answer ends with; -1 where the tokenizer names none."""
        return -1 if self._tokens.end is None else self._tokens.end

    @property
    def writes_first_space(self) -> bool:
        """Says whether the tokenizer puts a space before a text, as SentencePiece does."""
        return self._tokens.writes_first_space

    @property
    def chat_template(self) -> str:
        """Returns the template by which the model was taught to chat.

        Raises:
            ArtefactError: the tokenizer has none.
        """
        return self._tokens.chat_template

    def tokenize(self, parts: Sequence[Part], *, is_start: bool) -> list[int]:
        """Returns the parts' tokens, each part for itself; at the start with the model's first token."""
        return self._tokens.tokenize(parts, is_start=is_start)

    def piece(self, token: int) -> bytes:
        """Returns a token's bytes; control tokens have none."""
        return self._tokens.piece(token)

    def open(self, parent: int | None = None) -> int:
        """Returns a new sequence, empty or with a copy of what its parent holds now."""
        if not self._free:
            raise ModelError(f"all {_SEQUENCES} sequences of the engine are open")
        sequence = self._free.pop()
        held = _Sequence() if parent is None else copy.deepcopy(self._sequences[parent])
        self._sequences[sequence] = held
        return sequence

    def length(self, sequence: int) -> int:
        """Returns the number of tokens a sequence holds."""
        return len(self._sequences[sequence].tokens)

    def extend(self, pieces: Sequence[Piece]) -> list[Floats]:
        """Returns for each piece its logits (wanted, vocabulary), after appending its tokens."""
        try:
            logits = [self._read(self._sequences[piece.sequence], piece) for piece in pieces]
        except (RuntimeError, IndexError) as error:
            for piece in pieces:
                self._forget(self._sequences[piece.sequence])
            raise ModelError(f"transformers could not read the tokens: {error}") from error
        for piece in pieces:
            self._sequences[piece.sequence].tokens += piece.tokens
        return logits

    def cut(self, sequence: int, length: int) -> None:
        """Drops a sequence's tokens after the first `length`."""
        held = self._sequences[sequence]
        if length < len(held.tokens):
            del held.tokens[length:]
            self._forget(held)

    def drop(self, sequence: int) -> None:
        """Closes a sequence."""
        del self._sequences[sequence]
        self._free.append(sequence)

    def cache_bytes(self, sequence: int) -> int:
        """Returns the bytes that a sequence's keys and values take, here in 32 bits each."""
        cache = self._sequences[sequence].cache
        layers = [] if cache is None else cache.layers
        return sum(int(part.nbytes) for layer in layers for part in (layer.keys, layer.values))

    def constrain(self, grammar: Grammar) -> Constraint:
        """Refuses: the reference engine is for comparing and scoring.

        Raises:
            SpecError: always.
        """
        raise SpecError(
            f"the transformers engine cannot constrain an answer to a {grammar.kind} grammar",
            hint="export the model to GGUF: that engine can",
        )

    def embed(self, sequences: Sequence[Sequence[int]]) -> Floats:
        """Returns one unit vector per sequence of tokens: (n, width), the mean over its tokens."""
        rows = []
        with self._torch.inference_mode():
            for tokens in sequences:
                ids = self._torch.tensor([list(tokens)])
                hidden = self._model(ids, output_hidden_states=True).hidden_states[-1][0]
                mean = hidden.mean(0).numpy()
                rows.append(mean / max(float(np.linalg.norm(mean)), 1e-12))
        return np.stack(rows).astype(np.float32)

    def close(self) -> None:
        """Releases the model; calling it twice is harmless."""
        self._model = None
        self._sequences.clear()

    def _read(self, held: _Sequence, piece: Piece) -> Floats:
        """Returns the wanted logits; the sequence's tokens are not yet longer, its keys and values are."""
        if held.cached != len(held.tokens):
            self._forget(held)
        unread = [*held.tokens[held.cached :], *piece.tokens]
        with self._torch.inference_mode():
            ids = self._torch.tensor([unread])
            out = self._model(
                ids, past_key_values=held.cache, use_cache=True, logits_to_keep=max(piece.wanted, 1)
            )
        held.cache, held.cached = out.past_key_values, held.cached + len(unread)
        logits: Floats = out.logits[0].float().numpy()
        return logits if piece.wanted else logits[:0]

    def _forget(self, held: _Sequence) -> None:
        held.cache, held.cached = None, 0


def loaded(folder: Path, adapter: Path | None, torch: Any) -> Any:
    """Returns a checked folder's model in single precision, with an adapter merged into it.

    Raises:
        ArtefactError: it cannot be loaded, or lacks weights.
    """
    transformers = extras.require("transformers", extra="train", feature=_FEATURE)
    with quiet(transformers):
        try:
            model, found = transformers.AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=torch.float32,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
        except (ValueError, KeyError, TypeError, RuntimeError, OSError) as error:
            raise ArtefactError(f"{folder} cannot be loaded: {error}") from error
        for what in ("missing_keys", "mismatched_keys"):
            if found[what]:
                name = min(map(str, found[what]))
                raise ArtefactError(f"{folder} lacks weights that fit its configuration: {name} and others")
        if adapter is not None:
            peft = extras.require("peft", extra="train", feature="adapters")
            model = peft.PeftModel.from_pretrained(model, adapter).merge_and_unload()
    return model.eval()


@contextlib.contextmanager
def quiet(transformers: Any) -> Iterator[None]:
    """Keeps transformers and peft from writing bars and warnings to the terminal; what matters is raised."""
    logging = transformers.utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers in words of version 4
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
