"""How sure a tagger may claim to be: its probability of the whole object, corrected on dev."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.optimize import minimize

from suffice.models.tagger import frame
from suffice.models.tagger.model import TaggerModel, log_odds
from suffice.task import Sample

_LEAST_ROWS = 20
_MOST_ROWS = 3000


def fitted(model: TaggerModel, dev: Sequence[Sample]) -> tuple[float, float]:
    """Returns slope and offset of sigmoid(slope * logit(p) + offset) of least cross-entropy on dev.

    Platt scaling (Platt 1999) with his smoothed targets. (1, 0), the probability as it is, where dev has
    fewer than 20 rows; the slope is never negative, so that more probable objects stay more trusted.
    """
    rows = [sample for sample in dev if isinstance(sample.target, Mapping)][:_MOST_ROWS]
    if len(rows) < _LEAST_ROWS:
        return 1.0, 0.0
    odds, right = [], []
    for sample, found in zip(rows, model.find([sample.text for sample in rows]), strict=True):
        odds.append(log_odds(found.log_probability))
        right.append(isinstance(sample.target, Mapping) and frame.same(found.value, sample.target))
    x, hits = np.array(odds), np.array(right, dtype=bool)
    yes, no = int(hits.sum()), int((~hits).sum())
    wanted = np.where(hits, (yes + 1) / (yes + 2), 1 / (no + 2))

    def cross_entropy(weights: np.ndarray) -> float:
        z = weights[0] * x + weights[1]
        return float((np.logaddexp(0, z) - wanted * z).mean())

    best = minimize(
        cross_entropy, np.array([1.0, 0.0]), bounds=[(0.01, 10.0), (-10.0, 10.0)], method="L-BFGS-B"
    )
    return float(best.x[0]), float(best.x[1])
