"""A Hugging Face folder's tokenizer: text to tokens, tokens to bytes, and its chat template."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from suffice import extras
from suffice.errors import ArtefactError
from suffice.models.prompt import Part

_FEATURE = "running a decoder by transformers"
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_SPACE = "\u2581"  # SentencePiece's sign for a space


class Vocabulary:
    """The tokenizer of a folder, which runs no code of the folder's.

    Its tokens are those that llama.cpp makes with the exported file. The two differ for SentencePiece
    alone: llama.cpp puts a space of its own before each piece of text and after each control token, some
    tokenizers of transformers only at a text's start. What is trained here is served there.
    """

    def __init__(self, folder: Path) -> None:
        """Loads the tokenizer.

        Raises:
            ArtefactError: the folder has no tokenizer, or a damaged one.
        """
        transformers = extras.require("transformers", extra="train", feature=_FEATURE)
        try:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(
                folder, trust_remote_code=False, local_files_only=True
            )
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise ArtefactError(f"{folder} has no tokenizer that can be loaded: {error}") from error
        self._folder = folder
        self._backend = self._tokenizer.backend_tokenizer
        self.writes_first_space = self._has_first_space()
        if self.writes_first_space:
            tokenizers = extras.require("tokenizers", extra="train", feature=_FEATURE)
            self._backend.normalizer = tokenizers.normalizers.Replace(" ", _SPACE)
            self._backend.pre_tokenizer = None
        self.piece = functools.cache(self._piece)

    @property
    def end(self) -> int | None:
        """Returns the token that ends a text, or None."""
        found: int | None = self._tokenizer.eos_token_id
        return found

    @property
    def chat_template(self) -> str:
        """Returns the template by which the model was taught to chat.

        Raises:
            ArtefactError: the tokenizer has none.
        """
        template: str | None = self._tokenizer.chat_template
        if not template:
            raise ArtefactError(
                f"the tokenizer of {self._folder} has no chat template: the model was not taught to chat",
                hint="use prompts of style plain, or give the prompt a chat_template",
            )
        return template

    def tokenize(self, parts: Sequence[Part], *, is_start: bool) -> list[int]:
        """Returns the parts' tokens, each part for itself; at the start with the model's first token."""
        tokens = [
            token for part in parts for token in (self._markup if part.is_markup else self._plain)(part.text)
        ]
        first = self._first() if is_start else []
        return tokens if tokens[: len(first)] == first else first + tokens

    def _first(self) -> list[int]:
        """Returns what the tokenizer itself puts before a text."""
        bos = self._tokenizer.bos_token_id
        ids = self._tokenizer("a").input_ids
        return [bos] if bos is not None and ids[:1] == [bos] else []

    def _markup(self, text: str) -> list[int]:
        return self._encode(text, plain=False)

    def _plain(self, text: str) -> list[int]:
        return self._encode(text, plain=True)

    def _encode(self, text: str, *, plain: bool) -> list[int]:
        if not self.writes_first_space:
            return self._merged(text, plain=plain)
        tokens: list[int] = []
        for piece, added in self._pieces(text, plain=plain):
            tokens += [added] if added is not None else self._merged(f" {piece}", plain=plain)
        return tokens

    def _pieces(self, text: str, *, plain: bool) -> Iterator[tuple[str, int | None]]:
        """Yields a text's pieces between added tokens, and these with their numbers."""
        added = {
            token.content: number
            for number, token in self._tokenizer.added_tokens_decoder.items()
            if not (plain and token.special)
        }
        longest_first = sorted(map(re.escape, added), key=len, reverse=True)
        for piece in re.split(f"({'|'.join(longest_first)})", text) if added else [text]:
            if piece:
                yield piece, added.get(piece)

    def _merged(self, text: str, *, plain: bool) -> list[int]:
        if not text:
            return []
        self._backend.encode_special_tokens = plain
        try:
            return list(self._backend.encode(text, add_special_tokens=False).ids)
        finally:
            self._backend.encode_special_tokens = False

    def _has_first_space(self) -> bool:
        first = self._merged("a", plain=True)
        return bool(first) and str(self._tokenizer.convert_ids_to_tokens(first[0])).startswith(_SPACE)

    def _piece(self, token: int) -> bytes:
        added = self._tokenizer.added_tokens_decoder.get(token)
        if added is not None:
            return b"" if added.special else added.content.encode()
        text: Any = self._tokenizer.convert_ids_to_tokens(token)
        if text is None:  # the table of tokens is longer than the vocabulary
            return b""
        found = _BYTE.fullmatch(text)
        if found:
            return bytes.fromhex(found[1])
        if self._is_byte_level:
            return bytes(_byte_of()[sign] for sign in text)
        return str(text).replace(_SPACE, " ").encode()

    @functools.cached_property
    def _is_byte_level(self) -> bool:
        return "ByteLevel" in str(self._backend.decoder)


@functools.cache
def _byte_of() -> dict[str, int]:
    """Returns the byte that each sign of the byte-level alphabet stands for (GPT-2's bytes_to_unicode)."""
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in kept]
    return {chr(byte): byte for byte in kept} | {chr(256 + index): byte for index, byte in enumerate(others)}
