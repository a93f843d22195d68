"""The tables of GSM8K: routers that see the prompt, and cascades that see the weak model's answer too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.routellm import routers
from bench.routellm.figures import cascade_table, table
from bench.routellm.rows import by_prompt, taken
from bench.routellm.scored import out_of_fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.proof.recorded import Recorded
    from bench.routellm.vectors import Vectors

__all__ = ["tables"]

PARTITIONS = 4


def tables(data: Recorded, vectors: Vectors) -> Iterator[str]:
    """Yield the routing figures with and without cut-off answers, and the certified cascades."""
    before, after = routers.prompt_only(vectors), routers.post_hoc(vectors)
    scores = out_of_fold(data, {**before, **after}, by_prompt(data))
    scores = {
        **{name: scores[name] for name in before if name != routers.OURS},
        routers.AVERAGED: routers.averaged(
            scores[name] for name in (routers.TF_IDF, routers.EMBEDDING, routers.NEAREST)
        ),
        routers.OURS: scores[routers.OURS],
        **{name: scores[name] for name in after},
    }
    bases = {routers.OURS: routers.AVERAGED, routers.OURS_AFTER: routers.ANSWER}
    yield table("GSM8K, 5-fold cross-validation", scores, data, bases)
    whole = np.array(["####" in answer for answer in data.answers])
    kept = {name: score[whole] for name, score in scores.items()}
    yield table("GSM8K, the same scores, cut-off answers left out", kept, taken(data, whole), bases)
    ours = {name: {**before, **after}[name] for name in (routers.OURS, routers.OURS_AFTER)}
    # With 1,307 rows the luck of one partition moves the share of the best threshold by several points.
    again = [out_of_fold(data, ours, by_prompt(data, seed=seed)) for seed in range(1, PARTITIONS)]
    for name in ours:
        mean = np.mean([scores[name], *(found[name] for found in again)], axis=0)
        yield cascade_table(f"GSM8K, {name}, mean score of {PARTITIONS} partitions into 5 folds", mean, data)
