"""RouteLLM's recorded answers of Mixtral-8x7B and GPT-4 and a routing score for each row."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Recorded", "data_folder", "load", "word_gain"]

WEAK, STRONG = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One benchmark: prompts, the weak model's answers ('' if not recorded), who was right."""

    name: str
    prompts: list[str]
    answers: list[str]
    weak: NDArray[np.bool_]
    strong: NDArray[np.bool_]


def data_folder() -> Path:
    """Return where the recorded evaluations lie; see SUFFICE_DATA."""
    root = Path(os.environ.get("SUFFICE_DATA", "../shared/data"))
    return root / "routellm" / "routellm" / "evals"


def load(name: str) -> Recorded:
    """Return the rows of `mmlu` or `gsm8k`, contaminated prompts included."""
    folder = data_folder()
    files = (
        sorted((folder / "mmlu" / "responses").glob("*.csv"))
        if name == "mmlu"
        else [folder / "gsm8k" / "gsm8k_responses.csv"]
    )
    rows: list[dict[str, str]] = []
    for path in files:
        with path.open(newline="", encoding="utf-8") as source:
            rows += list(csv.DictReader(source))
    return Recorded(
        name=name,
        prompts=[row["prompt"] for row in rows],
        answers=[row.get(f"{WEAK}_response", "") for row in rows],
        weak=np.array([row[WEAK] == "True" for row in rows]),
        strong=np.array([row[STRONG] == "True" for row in rows]),
    )


def word_gain(data: Recorded) -> NDArray[np.float64]:
    """Return P(strong right) - P(weak right) from the prompt's words, out of fold (5 folds)."""
    gain = np.zeros(len(data.prompts))
    for train, test in KFold(5, shuffle=True, random_state=0).split(data.prompts):
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, max_features=60_000)
        seen = words.fit_transform([data.prompts[i] for i in train])
        unseen = words.transform([data.prompts[i] for i in test])
        right = [
            LogisticRegression(max_iter=300).fit(seen, y[train]).predict_proba(unseen)[:, 1]
            for y in (data.strong, data.weak)
        ]
        gain[test] = right[0] - right[1]
    return gain
