"""Print the routing tables as Markdown: `python -m bench.routellm --cache /tmp/routellm`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.proof.cascades import benchmark_rows
from bench.proof.recorded import data_folder
from bench.proof.tables import markdown
from bench.routellm import routers
from bench.routellm.figures import HEADER, figures, paired_difference
from bench.routellm.rows import by_prompt, clean, subjects, taken
from bench.routellm.vectors import Vectors
from suffice.stats.routing import apgr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from bench.proof.recorded import Recorded

HELD_OUT_PARTS = 10  # 3 of 10 parts are held out: 4,211 of MMLU's 14,037 rows
HELD_OUT_DRAWS = 3
LABELS = (100, 300, 1_000, 1_500, 3_000)
RESAMPLES = 200
Scores = dict[str, "NDArray[np.float64]"]


def main() -> None:
    """Print every table, each as soon as it is there."""
    parser = argparse.ArgumentParser(prog="python -m bench.routellm", description=__doc__)
    parser.add_argument("--cache", type=Path, help="folder to keep the encoder's vectors in between runs")
    parser.add_argument("--no-cascades", action="store_true", help="leave the certified cascades out")
    arguments = parser.parse_args()
    if not data_folder().exists():
        print("Routing: not measured, the folder SUFFICE_DATA is absent.")
        return
    with tempfile.TemporaryDirectory() as scratch:
        run(arguments.cache or Path(scratch), cascades=not arguments.no_cascades)


def run(cache: Path, *, cascades: bool) -> None:
    """Print the tables of both benchmarks."""
    cache.mkdir(parents=True, exist_ok=True)
    vectors = Vectors(cache)
    grade_school, mmlu = clean("gsm8k"), clean("mmlu")
    vectors.learn([*grade_school.prompts, *grade_school.answers])
    vectors.learn(mmlu.prompts)
    made = {**routers.prompt_only(vectors), **routers.post_hoc(vectors)}
    fold = by_prompt(grade_school)
    found = {name: routers.out_of_fold(router, grade_school, fold) for name, router in made.items()}
    print(table("GSM8K, 5-fold cross-validation", found, grade_school, against=-2), flush=True)
    whole = np.array(["####" in answer for answer in grade_school.answers])
    print(part("GSM8K, the same scores without the weak model's cut-off answers", found, grade_school, whole))
    scores = mmlu_tables(mmlu, vectors)
    if cascades:
        for title, gain, data in (
            ("mmlu, prompt", scores, mmlu),
            ("gsm8k, prompt", found["suffice, prompt only"], grade_school),
            ("gsm8k, prompt and answer", found["suffice, prompt and answer"], grade_school),
        ):
            print(cascade_table(title, gain, data), flush=True)


def mmlu_tables(data: Recorded, vectors: Vectors) -> NDArray[np.float64]:
    """Print the tables of MMLU and return the out-of-fold scores of our router."""
    made = routers.prompt_only(vectors)
    fold = by_prompt(data)
    scores = {name: routers.out_of_fold(router, data, fold) for name, router in made.items()}
    ours = scores["suffice, prompt only"]
    subject = subjects(data)
    known = subject_means(subject, data, fold)
    shown = {
        **scores,
        "mean of the subject (needs its name)": known,
        "suffice and the subject's name": routers.spread(ours) + routers.spread(known),
    }
    print(table("MMLU, 5-fold cross-validation", shown, data, against=4), flush=True)
    rest = subject != "high_school_mathematics"
    print(part("MMLU, the same scores without high_school_mathematics", shown, data, rest), flush=True)
    print(held_out_table(data, made), flush=True)
    return ours


def table(title: str, scores: Mapping[str, NDArray[np.float64]], data: Recorded, *, against: int) -> str:
    """Return the figures of each score; `against` is the position of the best baseline."""
    base = list(scores.values())[against]
    rows = [
        [*figures(name, score, data), "" if score is base else paired_difference(score, base, data)]
        for name, score in scores.items()
    ]
    return markdown(f"{title}, n = {len(data.prompts):,}", HEADER, rows)


def part(title: str, scores: Scores, data: Recorded, chosen: NDArray[np.bool_]) -> str:
    """Return the figures on some of the rows, with scores made on all."""
    base = -2 if data.name == "gsm8k" else 4
    return table(
        title, {name: score[chosen] for name, score in scores.items()}, taken(data, chosen), against=base
    )


def subject_means(subject: NDArray[np.str_], data: Recorded, fold: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean gain of each row's subject in the other folds, drawn to the mean by ten rows."""
    gains = data.strong.astype(np.float64) - data.weak
    means = np.zeros(len(gains))
    for now in np.unique(fold):
        train, names = fold != now, np.unique(subject)
        overall = gains[train].mean()
        mean = {
            name: (gains[train & (subject == name)].sum() + 10 * overall)
            / ((train & (subject == name)).sum() + 10)
            for name in names
        }
        means[fold == now] = [mean[name] for name in subject[fold == now]]
    return means


def held_out_table(data: Recorded, made: Mapping[str, routers.Router]) -> str:
    """Return APGR on 3 tenths held out, for all the labels of the rest and for fewer."""
    chosen = {
        name: made[name] for name in ("tf-idf + LR", "average of the last three", "suffice, prompt only")
    }
    rows: list[list[object]] = []
    for labels in (*LABELS, None):
        found: dict[str, list[float]] = {name: [] for name in chosen}
        for seed in range(HELD_OUT_DRAWS):
            part = by_prompt(data, parts=HELD_OUT_PARTS, seed=100 + seed)
            test, rest = np.flatnonzero(part < 3), np.flatnonzero(part >= 3)
            train = np.random.default_rng(seed).permutation(rest)[:labels]
            for name, router in chosen.items():
                score = router(data, train, test)
                found[name].append(apgr(score, data.weak[test], data.strong[test]))
        cells = [f"{np.mean(values):.4f} ± {np.std(values, ddof=1):.4f}" for values in found.values()]
        rows.append([len(train), len(test), *cells])
    title = f"MMLU, APGR on held-out rows by labels learnt from: mean and spread of {HELD_OUT_DRAWS} draws"
    return markdown(title, ("labels", "held out", *chosen), rows)


def cascade_table(title: str, gain: NDArray[np.float64], data: Recorded) -> str:
    """Return the certified cascades over this score."""
    header = (
        "score (APGR)", "margin", "oracle", "n", "exact: kept", "of oracle", "violations",
        "exact as look 1 (8%): kept", "violations", "bets: kept", "violations", "naive violations",
    )  # fmt: skip
    rows = benchmark_rows(title, gain, data, RESAMPLES)
    return markdown(f"Certified cascade, {title}, delta 10%, {RESAMPLES} resamples", header, rows)


if __name__ == "__main__":
    main()
