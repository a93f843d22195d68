"""Right or wrong by form: an answer is right where its form is that of what was wanted."""

from collections.abc import Sequence
from typing import Any

from suffice.forms import Form
from suffice.ports import Score


class FormScorer:
    """Scores 1 where both forms are equal and 0 for any other answer, or none; None where nothing is wanted.

    `wish` is the form of what is wanted where it is another one.
    """

    def __init__(self, form: Form, *, wish: Form | None = None) -> None:
        self._form, self._wish = form, wish or form

    async def score(self, wanted: Sequence[Any], answers: Sequence[str | None]) -> list[Score]:
        """Returns one score per pair; an answer without form is wrong, even to a wish without form."""
        return [self._score(want, answer) for want, answer in zip(wanted, answers, strict=True)]

    def _score(self, want: Any, answer: str | None) -> Score:
        if want is None:
            return Score(value=None, why="not labelled")
        if answer is None:
            return Score(value=0.0, why="no answer")
        given = self._form(answer)
        if given is None:
            return Score(value=0.0, why="the answer has not the form that is wanted")
        wish = self._wish(want)
        return Score(value=1.0) if given == wish else Score(value=0.0, why=f"wanted {str(wish)[:200]}")


class SameAnswer:
    """Scores 1 where an answer is the same as the reference's: equal in form, or both without one."""

    def __init__(self, form: Form) -> None:
        self._form = form

    async def score(self, wanted: Sequence[Any], answers: Sequence[str | None]) -> list[Score]:
        """Returns one score per pair; None where the reference gave no answer."""
        return [
            Score(value=None, why="no answer of the reference")
            if want is None
            else Score(value=float(answer is not None and self._form(want) == self._form(answer)))
            for want, answer in zip(wanted, answers, strict=True)
        ]
