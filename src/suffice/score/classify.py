"""Right or wrong: an answer is the wanted label, or it is not."""

from collections.abc import Sequence
from typing import Any

from suffice.forms import label_form
from suffice.ports import Score


class LabelScorer:
    """Scores 1 for the wanted label and 0 for any other answer, or none; None where nothing is wanted."""

    async def score(self, wanted: Sequence[Any], answers: Sequence[str | None]) -> list[Score]:
        """Returns one score per pair; numbers and booleans are compared by their text."""
        return [_score(want, answer) for want, answer in zip(wanted, answers, strict=True)]


def _score(want: Any, answer: str | None) -> Score:
    if want is None:
        return Score(value=None, why="not labelled")
    if answer is None:
        return Score(value=0.0, why="no answer")
    is_right = label_form(str(want)) == label_form(answer)
    return Score(value=1.0) if is_right else Score(value=0.0, why=f"wanted {want}")
