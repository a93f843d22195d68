"""A decoder that is ready to answer: its engine, its prompt's beginning read once, its requests as tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from suffice.errors import ArtefactError
from suffice.models.engine import DecoderEngine, Piece, Root, misfit
from suffice.models.gguf.settings import DecoderSettings
from suffice.models.prompt import Part
from suffice.ports import Request

WEIGHTS = "model.gguf"


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompted:
    """A request as the tokens that follow the root's, and what the user should know of it."""

    tokens: list[int]
    notes: tuple[str, ...] = ()


class Served:
    """An engine with one task's prompt.

    `root` is the sequence of what all prompts begin with; None where that is nothing.
    """

    def __init__(self, settings: DecoderSettings, engine: DecoderEngine) -> None:
        self.settings = settings
        self.engine = engine
        tokens = self.beginning()
        wrong = misfit(engine, prompt_tokens=len(tokens), answer_tokens=1)
        if wrong is not None:
            raise ArtefactError(f"{settings.name}: the prompt alone is too long: {wrong}")
        self.root: Root | None = None
        if tokens:
            sequence = engine.open()
            engine.extend([Piece(sequence=sequence, tokens=tokens)])
            self.root = Root(sequence=sequence, length=len(tokens))

    @property
    def prefix_tokens(self) -> int:
        """Returns how many tokens the shared beginning has."""
        return 0 if self.root is None else self.root.length

    def beginning(self) -> list[int]:
        """Returns the tokens that all prompts begin with."""
        return self.engine.tokenize(self.settings.prompt.prefix_parts(), is_start=True)

    def prompted(self, request: Request) -> Prompted:
        """Returns a request as tokens: the document's and the suffix's."""
        prompt = self.settings.prompt
        parts = [
            Part(text=prompt.document(request), is_markup=False),
            Part(text=prompt.suffix(), is_markup=True),
        ]
        return Prompted(tokens=self.engine.tokenize(parts, is_start=False))

    def changed(self, settings: DecoderSettings) -> Served:
        """Returns the same engine with other settings; whoever asks for it drops it."""
        return Served(settings, self.engine)

    def misfit(self, tokens: Sequence[int], *, answer_tokens: int) -> str | None:
        """Returns why a request and its answer do not fit the context; None where they do."""
        prompt_tokens = self.prefix_tokens + len(tokens)
        return misfit(self.engine, prompt_tokens=prompt_tokens, answer_tokens=answer_tokens)

    def answer_tokens(self, text: str) -> list[int]:
        """Returns an answer's tokens, without end token."""
        return self.engine.tokenize([Part(text=text, is_markup=False)], is_start=False)

    def drop(self) -> None:
        """Gives the shared beginning back to the engine, which stays open."""
        if self.root is not None:
            self.engine.drop(self.root.sequence)
            self.root = None
