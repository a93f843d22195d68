"""The last number: right where it is the wanted one, within a tolerance."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from suffice.forms import number_of
from suffice.ports import Score


class NumberScorer:
    """Scores 1 where the answer's last number is within `tolerance` of the wanted text's last number.

    A pattern, where there is one, first finds the part of the answer that is looked at.
    """

    def __init__(self, *, tolerance: float = 0.0, pattern: str | None = None) -> None:
        self._tolerance = Decimal(str(tolerance))
        self._pattern = pattern

    async def score(self, wanted: Sequence[Any], answers: Sequence[str | None]) -> list[Score]:
        """Returns one score per pair; an answer without a number is wrong."""
        return [self._score(want, answer) for want, answer in zip(wanted, answers, strict=True)]

    def _score(self, want: Any, answer: str | None) -> Score:
        if want is None:
            return Score(value=None, why="not labelled")
        number = None if answer is None else number_of(answer, pattern=self._pattern)
        if number is None:
            return Score(value=0.0, why="no number in the answer" if answer is not None else "no answer")
        wish = number_of(want)
        if wish is None:
            return Score(value=0.0, why="the truth has no number")
        is_right = abs(number - wish) <= self._tolerance
        return Score(value=1.0) if is_right else Score(value=0.0, why=f"wanted {wish}, found {number}")
