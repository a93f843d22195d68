"""What each model's answers are worth on a fixed order of rows, asked for only as far as needed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suffice.models.recorded import text_of
from suffice.ports import Answer
from suffice.task import Sample

Trust = Callable[[Answer], float]
# Gives a model's answers to some of the rows; answers once given must stay the same.
Ask = Callable[[Sequence[Sample]], Sequence[Answer]]
# Gives the worth of answers against wishes, in [0, 1]; NaN where there is no wish.
Grade = Callable[[Sequence[object], Sequence[str | None]], NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A model's answers to rows start..stop: arrays of equal length.

    `right`: worth against the truth, in [0, 1]; NaN where the row has no truth.
    `same`: 1 where the answer equals the reference's, 0 where not; NaN where that is not known.
    `judged`: worth against a judge's label, 0 where the judge gave none.
    `trust`: the score a cascade compares with its threshold.
    """

    right: NDArray[np.float64]
    same: NDArray[np.float64]
    judged: NDArray[np.float64]
    trust: NDArray[np.float64]
    answers: tuple[str | None, ...]


class GradedModel:
    """One model over rows in a fixed order. Rows are asked in order, each once.

    `grade` gives answers' worth; `same` says which are the reference's, 1 or 0 (where None, `grade` does).
    Equal answers must have equal worth.
    """

    def __init__(
        self,
        name: str,
        rows: Sequence[Sample],
        *,
        ask: Ask,
        grade: Grade,
        same: Grade | None = None,
        trust: Trust | None = None,
    ) -> None:
        self.name = name
        self._rows = rows
        self._ask, self._grade, self._trust = ask, grade, trust
        self._is_same = same or grade
        self._answers: list[str | None] = []
        self._right = np.empty(0)
        self._same = np.empty(0)
        self._judged = np.empty(0)
        self._trusts = np.empty(0)

    @property
    def asked(self) -> int:
        """Returns how many rows the model has been asked so far."""
        return len(self._answers)

    def part(self, start: int, stop: int) -> Part:
        """Returns the graded answers to rows start..stop (cut at the last row)."""
        stop = min(stop, len(self._rows))
        if stop > self.asked:
            self._extend(stop)
        return Part(
            right=self._right[start:stop],
            same=self._same[start:stop],
            judged=self._judged[start:stop],
            trust=self._trusts[start:stop],
            answers=tuple(self._answers[start:stop]),
        )

    def _extend(self, stop: int) -> None:
        rows = self._rows[self.asked : stop]
        given = list(self._ask(rows))
        texts = [answer.text for answer in given]
        trust = self._trust
        scores = [0.0 if trust is None or answer.text is None else trust(answer) for answer in given]
        self._right = np.append(self._right, self._grade([row.target for row in rows], texts))
        self._same = np.append(self._same, self._is_same([row.reference for row in rows], texts))
        judged = np.zeros(len(rows))
        if any(row.judge is not None for row in rows):
            judged = np.nan_to_num(self._grade([row.judge for row in rows], texts))
        self._judged = np.append(self._judged, judged)
        self._trusts = np.append(self._trusts, scores)
        self._answers.extend(texts)


def grade_reference(rows: Sequence[Sample], grade: Grade, *, by_judge: bool = False) -> NDArray[np.float64]:
    """Returns the worth of the reference's recorded answers against the truth; NaN without truth.

    `by_judge`: against the judge's labels instead; 0 where the judge gave none.
    """
    answers = [text_of(row.reference) for row in rows]
    if by_judge:
        return np.nan_to_num(grade([row.judge for row in rows], answers))
    return grade([row.target for row in rows], answers)
