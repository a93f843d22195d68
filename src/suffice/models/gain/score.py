"""The escalation score: how much is gained by asking the reference, P(reference right) - P(small right).

Asking the reference is useless where it fails too: ordering by the small model's error alone loses about a
tenth of the gap recovered on RouteLLM's MMLU. The score only orders requests: what a threshold on it promises
is proved elsewhere.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from suffice.errors import DataError
from suffice.models.gain.learners import Learners
from suffice.models.gain.views import Embed, Exchanges, views_of

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


def _doubt(exchanges: Exchanges) -> NDArray[np.float64]:
    if exchanges.confidence is None:
        return np.zeros(len(exchanges.prompts))
    familiar = 1.0 if exchanges.novelty is None else 1.0 - np.asarray(exchanges.novelty, dtype=np.float64)
    doubt: NDArray[np.float64] = 1.0 - np.asarray(exchanges.confidence, dtype=np.float64) * familiar
    return doubt
