"""Scores of rows by routers that did not learn from them, made on two processes."""

from __future__ import annotations

import multiprocessing
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bench.proof.recorded import Recorded
    from bench.routellm.routers import Router

    Job = tuple[str, NDArray[np.int64], NDArray[np.int64]]

__all__ = ["out_of_fold", "scores_of"]

PROCESSES = 2
_at_hand: list[tuple[Recorded, Mapping[str, Router]]] = []


def scores_of(
    data: Recorded, routers: Mapping[str, Router], jobs: Sequence[Job]
) -> list[NDArray[np.float64]]:
    """Return the scores of each job (router's name, rows to learn from, rows to score)."""
    _at_hand[:] = [(data, routers)]
    # Forked, so that rows and vectors need not be sent.
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        return pool.map(_score, jobs, chunksize=1)


def out_of_fold(
    data: Recorded, routers: Mapping[str, Router], fold: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """Return each router's scores of all rows, each row scored by a copy that learnt from the other folds."""
    splits = [(np.flatnonzero(fold != part), np.flatnonzero(fold == part)) for part in np.unique(fold)]
    jobs = [(name, *split) for name in routers for split in splits]
    whole = {name: np.zeros(len(fold)) for name in routers}
    for (name, _, test), scores in zip(jobs, scores_of(data, routers, jobs), strict=True):
        whole[name][test] = scores
    return whole


def _score(job: Job) -> NDArray[np.float64]:
    (data, routers), (name, train, test) = _at_hand[0], job
    return routers[name](data, train, test)
