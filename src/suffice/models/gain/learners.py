"""The learners behind the escalation score, and the scaling that makes their views comparable.

Averaged: a logistic regression on words, meaning, form and answer; boosted trees on form, answer, the
embedding's main directions and the outcomes of the nearest prompts; and, while there is no answer to look at,
a logistic regression on the words alone. All estimate the same gain, so the average needs no weights.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from suffice.models.gain.boosted_trees import BoostedTrees
from suffice.models.gain.neighbours import Neighbours
from suffice.models.gain.regression import Regression
from suffice.models.gain.views import Views
from suffice.models.weighted_rows import weighted

# How loud each view speaks in the joint regression: a block's scale is the width of the prior on its weights.
VECTOR_SCALE: Final = 0.5
FORM_SCALE: Final = 0.05
SAID_SCALE: Final = 0.25
_FURTHEST: Final = 4.0  # standard deviations that an odd prompt or answer may count


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """What makes rows of features comparable, as measured on the training rows.

    `kept`: buckets of words met in two texts or more, rising; `rarity`: their codes. `mean`, `spread`: (c,)
    of form and answer features. `centre`: (d,), `directions`: (d, DIRECTIONS) of the prompts' vectors, the
    main ones first.
    """

    kept: NDArray[np.int32]
    rarity: NDArray[np.uint8]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    centre: NDArray[np.float32]
    directions: NDArray[np.float32]

    def words(self, views: Views) -> csr_matrix:
        """Returns the words' rows, rare words heavier, each of length 1."""
        return weighted(of_columns(views.words, self.kept), self.rarity)

    def joint(self, views: Views, words: csr_matrix) -> csr_matrix:
        """Returns all views side by side, each block at its scale; `words` are the words' rows."""
        dense = np.concatenate([views.form, views.said], axis=1)
        standard = np.clip((dense - self.mean) / self.spread, -_FURTHEST, _FURTHEST)
        standard[:, : views.form.shape[1]] *= FORM_SCALE
        standard[:, views.form.shape[1] :] *= SAID_SCALE
        vectors = VECTOR_SCALE * np.concatenate([views.prompt_vectors, views.answer_vectors], axis=1)
        return hstack([words, csr_matrix(vectors), csr_matrix(standard.astype(np.float32))]).tocsr()

    def columns(self, views: Views, near: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns what the trees split on: form, answer features, main directions, neighbours."""
        turned = (views.prompt_vectors - self.centre) @ self.directions
        return np.concatenate([views.form, views.said, turned.astype(np.float64), near], axis=1)


@dataclass(frozen=True, kw_only=True)
class Learners:
    """What was learnt; `words` is None where answers are seen, `neighbours` where there is no encoder."""

    scaling: Scaling
    joint: Regression
    words: Regression | None
    trees: BoostedTrees
    neighbours: Neighbours | None

    def gain(self, views: Views) -> NDArray[np.float64]:
        """Returns the mean of the learners' gains, shape (n,)."""
        words, near = self.scaling.words(views), np.zeros((len(views.form), 0))
        if self.neighbours is not None:
            near = self.neighbours.columns(views.prompt_vectors)
        gains = [
            self.joint.gain(self.scaling.joint(views, words)),
            self.trees.predict(self.scaling.columns(views, near)),
        ]
        if self.words is not None:
            gains.append(self.words.gain(words))
        mean: NDArray[np.float64] = np.mean(gains, axis=0)
        return mean


def of_columns(rows: csr_matrix, kept: NDArray[np.int32]) -> csr_matrix:
    """Return the kept columns; unlike scipy's own indexing its time does not grow with the table's width."""
    place = np.searchsorted(kept, rows.indices)
    found = np.append(kept, -1)[place] == rows.indices
    ends = np.concatenate([[0], np.cumsum(found)])[rows.indptr]
    return csr_matrix((rows.data[found], place[found], ends), shape=(rows.shape[0], len(kept)))
