"""What a decoder's engine must do: tokens in, logits out, with sequences that share their beginnings.

Choosing labels, generating, drafting and constraining are written once, over this Protocol; another
engine is one file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from suffice.models.prompt import Part

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Tokens to append to a sequence; the logits after the last `wanted` of them are asked for."""

    sequence: int
    tokens: Sequence[int]
    wanted: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Grammar:
    """What an answer must match: a JSON Schema, a regular expression, a Lark grammar, or a GBNF grammar."""

    kind: Literal["json", "regex", "lark", "gbnf"]
    text: str


class Constraint(Protocol):
    """The state of one answer under a grammar."""

    def allowed(self) -> NDArray[np.bool_]:
        """Returns which tokens may come next: (vocabulary,). End tokens are allowed where it may end."""
        ...

    def accept(self, token: int) -> None:
        """Takes the next token; it must be an allowed one."""
        ...

    def forced(self) -> list[int]:
        """Returns the tokens that must come next, already accepted; [] where there is a choice."""
        ...

    def close(self) -> None:
        """Releases the state; calling it twice is harmless."""
        ...


class DecoderEngine(Protocol):
    """A language model that holds several sequences at once.

    A sequence is a number. `open` makes one, empty or as a copy of another, which costs no memory for
    what both share. Not safe for use by several threads at the same moment.
    """

    @property
    def vocabulary(self) -> int:
        """Returns the number of tokens."""
        ...

    @property
    def context_tokens(self) -> int:
        """Returns how many tokens a sequence may have, prompt and answer together."""
        ...

    @property
    def cells(self) -> int:
        """Returns how many tokens all sequences may hold together; what is shared counts once."""
        ...

    @property
    def sequences(self) -> int:
        """Returns how many sequences may be open at once."""
        ...

    @property
    def batch_tokens(self) -> int:
        """Returns how many tokens one pass reads; more are read in several."""
        ...

    @property
    def end_tokens(self) -> frozenset[int]:
        """Returns the tokens that end an answer."""
        ...

    @property
    def end_token(self) -> int:
        """Returns the one token a trained answer ends with; -1 where there is none."""
        ...

    @property
    def writes_first_space(self) -> bool:
        """Says whether an answer's first token carries a space that belongs to the tokenizer."""
        ...

    @property
    def has_keys(self) -> bool:
        """Says whether some tokens are whole JSON keys, as in decoders made for one task."""
        ...

    def tokenize(self, parts: Sequence[Part], *, is_start: bool) -> list[int]:
        """Returns the parts' tokens, each part for itself; at the start with the model's first token."""
        ...

    def piece(self, token: int) -> bytes:
        """Returns a token's bytes; control tokens have none."""
        ...

    def open(self, parent: int | None = None) -> int:
        """Returns a new sequence, empty or with what its parent holds now.

        Raises:
            ModelError: all sequences are open.
        """
        ...

    def length(self, sequence: int) -> int:
        """Returns the number of tokens a sequence holds."""
        ...

    def extend(self, pieces: Sequence[Piece]) -> list[Floats]:
        """Returns for each piece its logits (wanted, vocabulary), after appending its tokens.

        Pieces of one call belong to different sequences.

        Raises:
            ModelError: the engine failed; all sequences are as before.
        """
        ...

    def cut(self, sequence: int, length: int) -> None:
        """Drops a sequence's tokens after the first `length`."""
        ...

    def drop(self, sequence: int) -> None:
        """Closes a sequence; those opened from it keep what they share."""
        ...

    def constrain(self, grammar: Grammar) -> Constraint:
        """Returns a fresh state under a grammar.

        Raises:
            SpecError: the grammar cannot be used; says why.
        """
        ...

    def embed(self, sequences: Sequence[Sequence[int]]) -> Floats:
        """Returns one unit vector per sequence of tokens: (n, width), the mean over its tokens."""
        ...

    def close(self) -> None:
        """Releases the model; calling it twice is harmless."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """A sequence that many prompts begin with, read once."""

    sequence: int
    length: int


def misfit(engine: DecoderEngine, *, prompt_tokens: int, answer_tokens: int) -> str | None:
    """Returns why a prompt and its answer do not fit the context, with both numbers; None where they do."""
    needed = prompt_tokens + answer_tokens
    if needed <= engine.context_tokens:
        return None
    return (
        f"the request needs {needed:,} tokens ({prompt_tokens:,} of prompt and {answer_tokens:,} for the"
        f" answer); the context holds {engine.context_tokens:,}"
    )
