"""The tables of MMLU: cross-validation, held-out rows by number of labels, and certified cascades."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.proof.tables import markdown
from bench.routellm import routers
from bench.routellm.figures import cascade_table, table
from bench.routellm.rows import by_prompt, subjects, taken
from bench.routellm.scored import out_of_fold, scores_of
from suffice.stats.routing import apgr

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from bench.proof.recorded import Recorded
    from bench.routellm.routers import Router
    from bench.routellm.vectors import Vectors

__all__ = ["tables"]

ARTEFACT = "high_school_mathematics"  # GPT-4 has 3% right there, Mixtral 32%: a fault of the recording
SUBJECT, WITH_SUBJECT = "mean of the subject (needs its name)", "suffice and the subject's name"
BASES = (routers.TF_IDF, routers.EMBEDDING, routers.NEAREST)
TENTHS_HELD_OUT = 3  # 4,211 of 14,037 rows
DRAWS = 3
LABELS = (300, 1_500, None)


def tables(data: Recorded, vectors: Vectors) -> Iterator[str]:
    """Yield the routing figures with and without the artefact, by labels, and the certified cascades."""
    made = routers.prompt_only(vectors)
    fold, subject = by_prompt(data), subjects(data)
    scores = out_of_fold(data, made, fold)
    ours = scores.pop(routers.OURS)
    means = subject_means(subject, data, fold)
    scores = {
        **scores,
        routers.AVERAGED: routers.averaged(scores[name] for name in BASES),
        routers.OURS: ours,
        SUBJECT: means,
        WITH_SUBJECT: routers.averaged([ours, means]),
    }
    bases = {routers.OURS: routers.AVERAGED, WITH_SUBJECT: routers.AVERAGED}
    yield table("MMLU, 5-fold cross-validation", scores, data, bases)
    rest = subject != ARTEFACT
    kept = {name: score[rest] for name, score in scores.items()}
    yield table(f"MMLU, the same scores without {ARTEFACT}", kept, taken(data, rest), bases)
    yield held_out(data, made)
    yield cascade_table(f"MMLU, {routers.OURS}, 5 folds", ours, data)


def subject_means(subject: NDArray[np.str_], data: Recorded, fold: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean gain of each row's subject in the other folds, shrunk by ten rows."""
    gains = data.strong.astype(np.float64) - data.weak
    names, code = np.unique(subject, return_inverse=True)
    means = np.zeros(len(gains))
    for part in np.unique(fold):
        train, test = fold != part, fold == part
        total = np.bincount(code[train], weights=gains[train], minlength=len(names))
        rows = np.bincount(code[train], minlength=len(names))
        means[test] = ((total + 10 * gains[train].mean()) / (rows + 10))[code[test]]
    return means


def held_out(data: Recorded, made: Mapping[str, Router]) -> str:
    """Return APGR on three tenths held out, for all the labels of the rest and for fewer."""
    rows: list[list[object]] = []
    names = (*BASES, routers.OURS)
    splits = [_split(data, seed) for seed in range(DRAWS)]
    for labels in LABELS:
        jobs = [(name, train[:labels], test) for train, test in splits for name in names]
        scores = scores_of(data, made, jobs)
        areas: dict[str, list[float]] = {}
        for draw, (_, test) in enumerate(splits):
            found = dict(zip(names, scores[draw * len(names) :], strict=False))
            shown = {**found, routers.AVERAGED: routers.averaged(found[name] for name in BASES)}
            for name, score in shown.items():
                areas.setdefault(name, []).append(apgr(score, data.weak[test], data.strong[test]))
        order = (*BASES, routers.AVERAGED, routers.OURS)
        gained = np.subtract(areas[routers.OURS], areas[routers.AVERAGED])
        cells = [f"{np.mean(areas[name]):.4f} ± {np.std(areas[name], ddof=1):.4f}" for name in order]
        rows.append([
            len(splits[0][0][:labels]), len(splits[0][1]), *cells,
            " ".join(f"{gain:+.4f}" for gain in gained),
        ])  # fmt: skip
    header = ("labels", "held out", *BASES, routers.AVERAGED, routers.OURS, "suffice over average, each draw")
    title = f"MMLU, APGR on held-out rows by labels learnt from (mean and spread of {DRAWS} draws)"
    return markdown(title, header, rows)


def _split(data: Recorded, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows to learn from, in random order, and rows held out."""
    tenth = by_prompt(data, parts=10, seed=100 + seed)
    rest = np.flatnonzero(tenth >= TENTHS_HELD_OUT)
    return np.random.default_rng(seed).permutation(rest), np.flatnonzero(tenth < TENTHS_HELD_OUT)
