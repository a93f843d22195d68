"""What people said of models' answers: the truth where a judge is the metric."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from suffice.errors import DataError
from suffice.ports import Score, Scorer

_WORDS = {
    **dict.fromkeys(("correct", "right", "yes", "true", "good", "win", "better"), 1.0),
    **dict.fromkeys(("incorrect", "wrong", "no", "false", "bad", "loss", "lose", "worse"), 0.0),
    **dict.fromkeys(("tie", "same", "equal"), 0.5),
}


def rating_of(said: str, *, place: str) -> float:
    """Returns a person's label as worth in [0, 1]: a number, or a word such as correct or tie.

    Raises:
        DataError: it is none of these; names the place.
    """
    word = said.strip().casefold()
    if word in _WORDS:
        return _WORDS[word]
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise DataError(
            f"{place}: the human label {said[:40]!r} is neither a number from 0 to 1 nor a word for one",
            hint="write 1 or 0, correct or incorrect; where answers are compared win, tie or loss",
        )
    return number


class RatedScorer:
    """Scores what people said of this very text; a text they did not see has no score, no answer is worth 0.

    A wish holds `ratings`: worth by text. So a label never moves to an answer that was given later.
    """

    async def score(self, wanted: Sequence[Any], answers: Sequence[str | None]) -> list[Score]:
        """Returns one score per pair; None where nobody rated the answer."""
        return [_score(wish, answer) for wish, answer in zip(wanted, answers, strict=True)]


class HumanFirst:
    """Scores by people's ratings where a row's wish holds them, else by the judge."""

    def __init__(self, judge: Scorer) -> None:
        self._people, self._judge = RatedScorer(), judge

    async def score(self, wanted: Sequence[Any], answers: Sequence[str | None]) -> list[Score]:
        """Returns one score per pair; None where nothing is wanted, or nobody rated the answer."""
        is_rated = [wish is None or "ratings" in wish for wish in wanted]
        people = await self._people.score(
            [wish if rated else None for wish, rated in zip(wanted, is_rated, strict=True)], answers
        )
        judge = await self._judge.score(
            [None if rated else wish for wish, rated in zip(wanted, is_rated, strict=True)], answers
        )
        return [p if rated else j for p, j, rated in zip(people, judge, is_rated, strict=True)]


def _score(wish: Mapping[str, Any] | None, answer: str | None) -> Score:
    if wish is None:
        return Score(value=None, why="not labelled")
    if answer is None:
        return Score(value=0.0, why="no answer")
    rating = wish["ratings"].get(answer)
    return Score(value=rating, why="" if rating is not None else "nobody rated this text")
