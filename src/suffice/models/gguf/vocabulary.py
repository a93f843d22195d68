"""A GGUF model's tokenizer: text to tokens, tokens to bytes, and which tokens end an answer."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from suffice.models.prompt import Part

_SENTENCEPIECE = 1  # enum llama_vocab_type
_PIECE_BYTES = 64  # a first guess; longer pieces are asked for again


class Vocabulary:
    """The tokenizer inside a loaded model."""

    def __init__(self, library: Any, place: int) -> None:
        self._library = library
        self.place = place
        self.size = int(library.llama_vocab_n_tokens(place))
        self.end_tokens = frozenset(
            token for token in range(self.size) if library.llama_vocab_is_eog(place, token)
        )
        first = int(library.llama_vocab_bos(place))
        self._first = [first] if library.llama_vocab_get_add_bos(place) and first >= 0 else []
        self.writes_first_space: bool = library.llama_vocab_type(place) == _SENTENCEPIECE
        self.piece = functools.cache(self._piece)

    @property
    def end(self) -> int:
        """Returns the token that ends a turn, or else the one that ends a text; -1 where there is none."""
        turn = int(self._library.llama_vocab_eot(self.place))
        return turn if turn >= 0 else int(self._library.llama_vocab_eos(self.place))

    @property
    def marks(self) -> tuple[str, str]:
        """Returns how a text's first and last token are written, as chat templates want them; "" for none."""
        ids = (self._library.llama_vocab_bos(self.place), self._library.llama_vocab_eos(self.place))
        first, last = (self.shown(int(one)).decode("utf-8", "replace") if one >= 0 else "" for one in ids)
        return first, last

    def tokenize(self, parts: Sequence[Part], *, is_start: bool) -> list[int]:
        """Returns the parts' tokens, each part for itself; at the start with the model's first token.

        The first token is added where the file asks for one and the parts do not begin with it.
        """
        tokens = [token for part in parts for token in self.of_bytes(part.text.encode(), part.is_markup)]
        if is_start and tokens[: len(self._first)] != self._first:
            return self._first + tokens
        return tokens

    def of_bytes(self, data: bytes, is_markup: bool) -> list[int]:  # noqa: FBT001 - the two kinds of text
        """Returns the tokens of a text in UTF-8; control tokens are recognised in markup alone."""
        if not data:
            return []
        room = len(data) + 8
        while True:
            tokens = np.empty(room, np.int32)
            place, is_start = tokens.ctypes.data, False
            count = self._library.llama_tokenize(
                self.place, data, len(data), place, room, is_start, is_markup
            )
            if count >= 0:
                return [int(token) for token in tokens[:count]]
            room = -count

    def shown(self, token: int) -> bytes:
        """Returns a token's bytes, also those that a control token is written with."""
        return self._bytes(token, is_markup=True)

    def is_control(self, token: int) -> bool:
        """Says whether a token is a control token, which is no text."""
        return bool(self._library.llama_vocab_is_control(self.place, token))

    def _piece(self, token: int) -> bytes:
        return self._bytes(token, is_markup=False)

    def _bytes(self, token: int, *, is_markup: bool) -> bytes:
        room = _PIECE_BYTES
        while True:
            buffer = ctypes.create_string_buffer(room)
            count = self._library.llama_token_to_piece(self.place, token, buffer, room, 0, is_markup)
            if count >= 0:
                return buffer.raw[:count]
            room = -count
