"""A candidate ready to be asked: its model, what its artefact is, and what answering takes."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suffice.candidate import Candidate
from suffice.certify.graded import Grade, GradedModel
from suffice.certify.resources import Resources
from suffice.measure import quality
from suffice.measurement import Measurement
from suffice.models import trust
from suffice.ports import Answer, Model, Request, Scorer
from suffice.task import Sample


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One candidate of the ladder, opened. `folder` holds its artefact; None where nothing was made."""

    candidate: Candidate
    model: Model
    fingerprint: str
    folder: Path
    resources: Resources
    measurements: tuple[Measurement, ...]

    @property
    def name(self) -> str:
        """Returns the candidate's name."""
        return self.candidate.name


def grade_with(scorer: Scorer, runner: asyncio.Runner) -> Grade:
    """Returns the function that gives answers' worth by a scorer; NaN where nothing is wanted."""

    def grade(wanted: Sequence[object], answers: Sequence[str | None]) -> NDArray[np.float64]:
        scores = runner.run(scorer.score(wanted, answers))
        return np.array([np.nan if s.value is None else s.value for s in scores], dtype=np.float64)

    return grade


@dataclass(frozen=True, kw_only=True)
class Grading:
    """How answers become numbers: the scorers' grades, the trust rule, and the loop that asks.

    `grade` gives answers' worth against the truth, `same` says where they are the reference's.
    `of_reference` grades the reference's answers, where that is done otherwise. `judge` is the identity of
    a judge that says what answers are worth, alone or beside people; "" where there is none.
    """

    grade: Grade
    same: Grade
    rule: str
    runner: asyncio.Runner
    of_reference: Grade | None = None
    judge: str = ""

    @property
    def trust(self) -> Callable[[Answer], float]:
        """Returns the trust rule as a function of the answer alone, as all built-in rules are."""
        rule, nothing = trust.RULES[self.rule], Request(text="")
        return lambda answer: rule(answer, nothing)

    def over(self, model: Model, rows: Sequence[Sample]) -> GradedModel:
        """Returns a model's graded answers over rows, asked as far as needed."""
        return GradedModel(
            model.name,
            rows,
            ask=lambda samples: self.runner.run(quality.ask(model, samples)),
            grade=self.grade,
            same=self.same,
            trust=self.trust,
        )
