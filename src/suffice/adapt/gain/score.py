"""The escalation score: how much is gained by asking the reference, P(reference right) - P(small right).

Asking the reference is useless where it fails too: ordering by the small model's error alone loses about a
tenth of the gap recovered on RouteLLM's MMLU. The score only orders requests: what a threshold on it promises
is proved elsewhere.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from suffice.adapt.gain.learners import Learners
from suffice.adapt.gain.views import Embed, Exchanges, views_of
from suffice.errors import DataError

# With fewer marked rows, or fewer of one kind, learnt scores scatter more than they gain.
LEAST_ROWS: Final = 100
LEAST_OF_A_KIND: Final = 10

Order = Literal["learnt", "confidence", "none"]


@dataclass(frozen=True, kw_only=True)
class GainModel:
    """Scores requests by the gain of escalating them.

    `order` says by what: "learnt"; "confidence" of the small model, times its familiarity with the input,
    where too few marks were given to learn from; or "none" where there is no confidence either. `parts`
    names what must come with the prompts; `why` says it in words, for reports.
    """

    order: Order
    parts: tuple[str, ...]
    rows: int
    why: str
    learners: Learners | None = None
    embed: Embed | None = None

    def score(self, exchanges: Exchanges) -> NDArray[np.float64]:
        """Returns the score of each exchange, shape (n,): the larger, the more is gained by escalating.

        Learnt scores lie about in [-1, 1] and estimate the gain in mean correctness.

        Raises:
            DataError: something that it was fitted with (answers, confidence, novelty) is missing.
        """
        missing = [part for part in self.parts if part not in exchanges.parts]
        if missing:
            raise DataError(
                f"the escalation score was fitted with {', '.join(self.parts)}; missing here: {missing[0]}"
            )
        known = Exchanges(
            prompts=exchanges.prompts, **{part: getattr(exchanges, part) for part in self.parts}
        )
        if not len(known.prompts):
            return np.zeros(0)
        if self.learners is not None:
            return self.learners.gain(views_of(known, self.embed))
        return _doubt(known)


def fit_gain(
    exchanges: Exchanges,
    small_right: ArrayLike,
    reference_right: ArrayLike,
    *,
    embed: Embed | None = None,
    seed: int = 0,
) -> GainModel:
    """Returns a score of the gain of escalating, learnt from rows on which both models were marked.

    Args:
        exchanges: n prompts, with the small model's answers, confidence and novelty as far as known.
        small_right: n marks, 1 where the small model was right.
        reference_right: n marks, 1 where the reference was right.
        embed: texts to unit vectors (n, d); without it only words, form and answers are seen.
        seed: equal inputs and seeds give equal models.

    With fewer than LEAST_ROWS rows, or fewer than LEAST_OF_A_KIND right or wrong answers of either model,
    nothing is learnt: the model orders by confidence and says so in `why`.

    Raises:
        DataError: marks that are not 0 or 1, or not one for each prompt.
    """
    outcomes = np.stack([_marks(small_right, exchanges), _marks(reference_right, exchanges)], axis=1)
    rows = len(outcomes)
    right = outcomes.sum(axis=0)
    fewest = int(min(right.min(), rows - right.max())) if rows else 0
    if rows < LEAST_ROWS or fewest < LEAST_OF_A_KIND:
        return _unlearnt(exchanges, rows=rows, fewest=fewest)
    learners = Learners.fit(views_of(exchanges, embed), outcomes, seed=seed)
    return GainModel(
        order="learnt",
        parts=exchanges.parts,
        rows=rows,
        why=f"learnt from {rows} rows on which both models were marked",
        learners=learners,
        embed=embed,
    )


def _marks(given: ArrayLike, exchanges: Exchanges) -> NDArray[np.uint8]:
    marks = np.asarray(given, dtype=np.float64)
    if marks.shape != (len(exchanges.prompts),):
        raise DataError(f"{marks.shape} marks for {len(exchanges.prompts)} prompts: one is needed for each")
    if not np.isin(marks, (0.0, 1.0)).all():
        odd = marks[~np.isin(marks, (0.0, 1.0))][0]
        raise DataError(f"a mark is {odd}; expected 0 (wrong) or 1 (right)")
    return marks.astype(np.uint8)


def _unlearnt(exchanges: Exchanges, *, rows: int, fewest: int) -> GainModel:
    short = (
        f"{rows} marked rows, {LEAST_ROWS} are needed"
        if rows < LEAST_ROWS
        else f"only {fewest} marks of the rarest kind, {LEAST_OF_A_KIND} are needed"
    )
    order: Order = "none" if exchanges.confidence is None else "confidence"
    ordered = (
        "does not order the requests" if order == "none" else "orders by the small model's own confidence"
    )
    parts = tuple(part for part in exchanges.parts if part != "answers")
    return GainModel(order=order, parts=parts, rows=rows, why=f"{short} to learn the gain: {ordered}")


def _doubt(exchanges: Exchanges) -> NDArray[np.float64]:
    if exchanges.confidence is None:
        return np.zeros(len(exchanges.prompts))
    familiar = 1.0 if exchanges.novelty is None else 1.0 - np.asarray(exchanges.novelty, dtype=np.float64)
    doubt: NDArray[np.float64] = 1.0 - np.asarray(exchanges.confidence, dtype=np.float64) * familiar
    return doubt
