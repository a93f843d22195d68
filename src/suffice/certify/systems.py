"""A system is a cascade as it would be served; here its outcomes on rows are put together from its tiers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suffice.bar import Target
from suffice.cascade import REFERENCE, Cascade
from suffice.certify.graded import GradedModel


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """A system's outcomes on rows start..stop, arrays of equal length.

    `right`, `same`, `judged`: as in `graded.Part`. `tier`: index of the tier that answered. `answers` are
    the texts; None where the reference, not asked here, would answer.
    """

    right: NDArray[np.float64]
    same: NDArray[np.float64]
    judged: NDArray[np.float64]
    tier: NDArray[np.int64]
    answers: tuple[str | None, ...]


@dataclass(frozen=True, kw_only=True)
class Graders:
    """The graded models by name, and the reference's worth per row (NaN: unknown; None: no reference).

    `reference_judged` is its worth against the judge's labels; None without a reference.
    """

    models: Mapping[str, GradedModel]
    reference: NDArray[np.float64] | None
    reference_judged: NDArray[np.float64] | None = None

    def outcomes(self, cascade: Cascade, start: int, stop: int) -> Outcomes:
        """Returns what the cascade would have answered to rows start..stop, and what that is worth."""
        first = self.models[cascade.tiers[0].model].part(start, stop) if _is_local(cascade, 0) else None
        n = len(first.answers) if first is not None else self._length(start, stop)
        right, same, judged = np.full(n, np.nan), np.full(n, np.nan), np.zeros(n)
        tier = np.full(n, -1, dtype=np.int64)
        answers: list[str | None] = [None] * n
        open_rows = np.ones(n, dtype=bool)
        for index, position in enumerate(cascade.tiers):
            if position.model == REFERENCE:
                right[open_rows] = self._reference(start, start + n)[open_rows]
                same[open_rows] = 1.0
                if self.reference_judged is not None:
                    judged[open_rows] = self.reference_judged[start : start + n][open_rows]
                tier[open_rows] = index
                break
            part = self.models[position.model].part(start, start + n)
            kept = open_rows.copy()
            if position.threshold is not None:
                kept &= part.trust >= position.threshold
            right[kept], same[kept], tier[kept] = part.right[kept], part.same[kept], index
            judged[kept] = part.judged[kept]
            for row in np.flatnonzero(kept):
                answers[row] = part.answers[row]
            open_rows &= ~kept
            if not open_rows.any():
                break
        return Outcomes(right=right, same=same, judged=judged, tier=tier, answers=tuple(answers))

    def values(self, cascade: Cascade, target: Target, start: int, stop: int) -> NDArray[np.float64]:
        """Returns the variable X the target's test bets on, one value a row; NaN where it is not known.

        absolute: the answer's worth. agreement: 1 where the system answers as the reference.
        non_inferior: D = worth of the system's answer - worth of the reference's; 0, without any
        truth, where both answered the same.
        """
        outcomes = self.outcomes(cascade, start, stop)
        if target is Target.ABSOLUTE:
            return outcomes.right
        if target is Target.AGREEMENT:
            return outcomes.same
        reference = self._reference(start, start + len(outcomes.answers))
        difference = outcomes.right - reference
        return np.where(outcomes.same == 1.0, 0.0, difference)

    def judged_values(self, cascade: Cascade, target: Target, start: int, stop: int) -> NDArray[np.float64]:
        """Returns the same variable with the judge's label in place of the truth; never NaN."""
        outcomes = self.outcomes(cascade, start, stop)
        if target is Target.ABSOLUTE:
            return outcomes.judged
        if self.reference_judged is None:
            raise ValueError("the task has no reference")
        difference = outcomes.judged - self.reference_judged[start : start + len(outcomes.answers)]
        return np.where(outcomes.same == 1.0, 0.0, difference)

    def _reference(self, start: int, stop: int) -> NDArray[np.float64]:
        if self.reference is None:
            raise ValueError("the task has no reference")
        return self.reference[start:stop]

    def _length(self, start: int, stop: int) -> int:
        return self._reference(start, stop).size


def _is_local(cascade: Cascade, index: int) -> bool:
    return cascade.tiers[index].model != REFERENCE
