"""Answers that must match: JSON Schema, regular expressions and Lark by llguidance, GBNF by llama.cpp.

Both come in the same shared library. llguidance also names tokens that are forced, e.g. the keys of a
JSON object, which then need no pass of their own.
"""

from __future__ import annotations

import ctypes
import functools
import json
from collections.abc import Mapping
from ctypes import c_bool, c_char_p, c_size_t, c_uint8, c_uint32, c_void_p
from typing import Any, ClassVar

import jsonschema
import numpy as np
from numpy.typing import NDArray

from suffice.errors import ModelError, SpecError
from suffice.models.decode import json_keys
from suffice.models.engine import Constraint, Grammar
from suffice.models.gguf import library
from suffice.models.gguf.vocabulary import Vocabulary

_INIT_BYTES = 512  # more than llguidance's LlgConstraintInit takes
_FORCED_OK = 16  # where in it the flag `ff_tokens_ok` lies: after a pointer and two 32-bit levels
_MOST_FORCED = 256
_SPECIAL = b"\xff"  # what llguidance expects before the text of a control token


def json_grammar(schema: Mapping[str, Any]) -> Grammar:
    """Returns the grammar of a JSON Schema, without free space, so that each value is written one way.

    Keywords that llguidance does not know are left to the check afterwards.

    Raises:
        SpecError: it is no JSON Schema.
    """
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise SpecError(f"the schema is no JSON Schema: {error.message}") from error
    options = {"whitespace_flexible": False, "lenient": True}
    return Grammar(kind="json", text=json.dumps({**schema, "x-guidance": options}))


class _TokenizerInit(ctypes.Structure):
    """What llguidance must know of a vocabulary: `LlgTokenizerInit` of llguidance.h."""

    _fields_: ClassVar = [
        ("vocab_size", c_uint32),
        ("tok_eos", c_uint32),
        ("token_lens", c_void_p),
        ("token_bytes", c_void_p),
        ("tokenizer_json", c_char_p),
        ("tokenize_assumes_string", c_bool),
        ("tokenize_fn", c_void_p),
        ("use_approximate_greedy_tokenize_fn", c_bool),
        ("tokenize_user_data", c_void_p),
        ("slices", c_void_p),
        ("spare", c_size_t * 8),
    ]


_TOKENIZE = ctypes.CFUNCTYPE(
    c_size_t, c_void_p, ctypes.POINTER(c_uint8), c_size_t, ctypes.POINTER(c_uint32), c_size_t
)


class Grammars:
    """Makes the states of answers; each grammar is compiled once."""

    def __init__(self, loaded: Any, vocabulary: Vocabulary) -> None:
        self._library = loaded
        self._vocabulary = vocabulary
        self._tokenizer: Any = None
        self._tokenize = _TOKENIZE(self._tokens_of)
        self._matchers: dict[Grammar, Any] = {}

    def state(self, grammar: Grammar) -> Constraint:
        """Returns a fresh state under a grammar.

        Raises:
            SpecError: the grammar cannot be used; says why.
        """
        if grammar.kind == "gbnf":
            return _GbnfState(self._library, self._vocabulary, grammar.text)
        if grammar not in self._matchers:
            self._matchers[grammar] = self._compiled(grammar)
        matcher = self._library.llg_clone_matcher(self._matchers[grammar])
        return _MatcherState(self._library, self._vocabulary, matcher)

    def close(self) -> None:
        """Releases all compiled grammars; calling it twice is harmless."""
        for matcher in self._matchers.values():
            self._library.llg_free_matcher(matcher)
        self._matchers.clear()
        if self._tokenizer:
            self._library.llg_free_tokenizer(self._tokenizer)
            self._tokenizer = None

    def _compiled(self, grammar: Grammar) -> Any:
        if not self._tokenizer:
            self._tokenizer = self._new_tokenizer()
        init = ctypes.create_string_buffer(_INIT_BYTES)
        self._library.llg_constraint_init_set_defaults(init, self._tokenizer)
        init[_FORCED_OK] = b"\x01"
        matcher = self._library.llg_new_matcher(init, grammar.kind.encode(), grammar.text.encode())
        error = self._library.llg_matcher_get_error(matcher)
        if error:
            self._library.llg_free_matcher(matcher)
            why = error.decode("utf-8", "replace").strip().splitlines()[0]
            raise SpecError(f"answers cannot be held to the {grammar.kind} grammar: {why}")
        return matcher

    def _new_tokenizer(self) -> Any:
        vocabulary = self._vocabulary
        if vocabulary.end < 0:
            raise SpecError("the model's tokenizer names no end token: a constrained answer could not end")
        pieces = [vocabulary.piece(token) for token in range(vocabulary.size)]
        pieces = [piece or self._special(token) for token, piece in enumerate(pieces)]
        lengths = np.array([len(piece) for piece in pieces], np.uint32)
        joined = np.frombuffer(b"".join(pieces), np.uint8)
        init = _TokenizerInit(
            vocab_size=vocabulary.size,
            tok_eos=vocabulary.end,
            token_lens=lengths.ctypes.data,
            token_bytes=joined.ctypes.data,
            tokenize_assumes_string=True,
            tokenize_fn=ctypes.cast(self._tokenize, c_void_p).value,
        )
        said = ctypes.create_string_buffer(1024)
        tokenizer = self._library.llg_new_tokenizer(ctypes.byref(init), said, len(said))
        if not tokenizer:
            raise ModelError(f"llguidance cannot use the tokenizer: {said.value.decode('utf-8', 'replace')}")
        return tokenizer

    def _special(self, token: int) -> bytes:
        shown = self._vocabulary.shown(token)
        return _SPECIAL + shown if shown else b""

    def _tokens_of(self, _: Any, data: Any, size: int, out: Any, room: int) -> int:
        """Returns the number of tokens of a text, after writing as many as there is room for."""
        tokens = self._vocabulary.of_bytes(ctypes.string_at(data, size), is_markup=False)
        for index, token in enumerate(tokens[:room]):
            out[index] = token
        return len(tokens)


@functools.cache
def has_keys(vocabulary: Vocabulary) -> bool:
    """Says whether some token is a JSON key with its colon, as in decoders made for one task.

    Such a model has learnt to say `{"act":"pay","` at once. llguidance allows of a forced text only the
    tokens it would itself be cut into, which such a model never read: it answers freely, and is checked.
    """
    return json_keys.any_key(map(vocabulary.piece, range(vocabulary.size)))


class _MatcherState:
    """One answer under llguidance."""

    def __init__(self, loaded: Any, vocabulary: Vocabulary, matcher: Any) -> None:
        self._library = loaded
        self._size = vocabulary.size
        self._matcher = matcher
        self._mask = np.zeros(-(-vocabulary.size // 32), np.uint32)

    def allowed(self) -> NDArray[np.bool_]:
        """Returns which tokens may come next: (vocabulary,)."""
        mask = self._mask
        if self._library.llg_matcher_compute_mask_into(self._matcher, mask.ctypes.data, mask.nbytes):
            raise ModelError(f"the grammar's engine failed: {self._error()}")
        bits = np.unpackbits(mask.view(np.uint8), count=self._size, bitorder="little")
        return bits.astype(np.bool_)

    def accept(self, token: int) -> None:
        """Takes the next token."""
        if self._library.llg_matcher_consume_token(self._matcher, token):
            raise ModelError(f"the grammar's engine failed: {self._error()}")

    def forced(self) -> list[int]:
        """Returns the tokens that must come next, already accepted."""
        tokens = np.zeros(_MOST_FORCED, np.uint32)
        count = self._library.llg_matcher_compute_ff_tokens(self._matcher, tokens.ctypes.data, len(tokens))
        found = [int(token) for token in tokens[: max(count, 0)]]
        for token in found:
            self.accept(token)
        return found

    def close(self) -> None:
        """Releases the state; calling it twice is harmless."""
        if self._matcher:
            self._library.llg_free_matcher(self._matcher)
            self._matcher = None

    def _error(self) -> str:
        said = self._library.llg_matcher_get_error(self._matcher) or b"it did not say why"
        return str(said.decode("utf-8", "replace"))


class _GbnfState:
    """One answer under llama.cpp's own grammar."""

    def __init__(self, loaded: Any, vocabulary: Vocabulary, text: str) -> None:
        self._library = loaded
        library.forget_words()
        self._sampler = loaded.llama_sampler_init_grammar(vocabulary.place, text.encode(), b"root")
        if not self._sampler:
            raise SpecError(f"the GBNF grammar cannot be used: {library.last_words()}")
        self._data = np.zeros(vocabulary.size, np.dtype(library.TokenData))

    def allowed(self) -> NDArray[np.bool_]:
        """Returns which tokens may come next: (vocabulary,)."""
        self._data["id"] = np.arange(len(self._data))
        self._data["logit"] = 0.0
        array = library.TokenDataArray(data=self._data.ctypes.data, size=len(self._data), selected=-1)
        self._library.llama_sampler_apply(self._sampler, ctypes.byref(array))
        allowed = np.zeros(len(self._data), np.bool_)
        allowed[self._data["id"]] = np.isfinite(self._data["logit"])
        return allowed

    def accept(self, token: int) -> None:
        """Takes the next token."""
        self._library.llama_sampler_accept(self._sampler, token)

    def forced(self) -> list[int]:
        """Returns nothing: llama.cpp's grammar does not say what is forced."""
        return []

    def close(self) -> None:
        """Releases the state; calling it twice is harmless."""
        if self._sampler:
            self._library.llama_sampler_free(self._sampler)
            self._sampler = None
