"""Guesses of the next tokens, looked up in the prompt: answers often copy from their input.

Prompt-lookup decoding (Saxena 2023): the last n tokens, n = 3, 2, 1, are looked for earlier in prompt and
answer; what followed them there is guessed to follow again. A guess costs a few rows of one pass; a
wrong one changes nothing, because each token is still chosen from the model's own logits.
"""

from __future__ import annotations

from collections.abc import Sequence

_LONGEST_GRAM = 3
_FIRST_GUESS = 4


class PromptLookup:
    """What was said so far, found by its last tokens.

    Guesses get longer while they are right, up to `most` tokens, and shorter when they are not.
    """

    def __init__(self, tokens: Sequence[int], *, most: int) -> None:
        self._tokens: list[int] = []
        self._next: dict[tuple[int, ...], int] = {}
        self._most = most
        self._width = min(_FIRST_GUESS, most)
        self.add(tokens)

    def add(self, tokens: Sequence[int]) -> None:
        """Takes the tokens that followed."""
        for token in tokens:
            at = len(self._tokens)
            for size in range(1, min(_LONGEST_GRAM, at) + 1):
                self._next[tuple(self._tokens[at - size : at])] = at
            self._tokens.append(token)

    def guess(self) -> list[int]:
        """Returns what followed the latest like place; [] where there is none."""
        for size in range(min(_LONGEST_GRAM, len(self._tokens)), 0, -1):
            at = self._next.get(tuple(self._tokens[-size:]))
            if at is not None:
                return self._tokens[at : at + self._width]
        return []

    def learn(self, guessed: int, right: int) -> None:
        """Takes how many of how many guessed tokens were right."""
        if guessed and right == guessed:
            self._width = min(2 * self._width, self._most)
        elif guessed:
            self._width = min(right + 1, self._most)
