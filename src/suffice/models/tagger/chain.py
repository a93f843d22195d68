"""The best tags of a text under a linear chain, and how probable they are."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def best_tags(scores: Floats, transition: Floats) -> tuple[list[int], float]:
    """Returns the tags of highest score (Viterbi 1967) and the log of their probability among all tags.

    `scores` (n, L), `transition` (L, L) from row to column; a text begins as after tag 0, "outside".
    """
    if not len(scores):
        return [], 0.0
    best = scores[0] + transition[0]
    total = best.astype(np.float64)
    back = []
    for now in scores[1:]:
        paths = best[:, None] + transition
        came_from = paths.argmax(axis=0)
        back.append(came_from)
        best = paths[came_from, np.arange(len(now))] + now
        peak = total.max()
        total = peak + np.log(np.exp(total - peak) @ np.exp(transition) + 1e-300) + now
    peak = total.max()
    mass = peak + np.log(np.exp(total - peak).sum())
    tags = [int(best.argmax())]
    for came_from in reversed(back):
        tags.append(int(came_from[tags[-1]]))
    return tags[::-1], min(0.0, float(best.max() - mass))
