"""RouteLLM's recorded answers of Mixtral-8x7B and GPT-4 and a routing score for each row."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.model_selection import KFold

from suffice.adapt.encoder.quantised_body import write_body
from suffice.adapt.encoder.weights import find_encoder
from suffice.adapt.gain.fit import fit_gain
from suffice.errors import ArtefactError
from suffice.models.embedder import Embedder
from suffice.models.gain.views import Embed, Exchanges

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Recorded", "data_folder", "kept_gain", "load", "out_of_fold_gain", "sentence_encoder"]

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


def out_of_fold_gain(data: Recorded, *, see_answers: bool, embed: Embed | None) -> NDArray[np.float64]:
    """Return the predicted gain of the strong model, each row scored by models fitted without it.

    Args:
        data: the recorded rows.
        see_answers: whether the weak model's answer may be looked at (a cascade), or only the
            prompt (a router).
        embed: the sentence encoder, or None to use words and form alone.
    """
    gain = np.zeros(len(data.prompts))
    for train, test in KFold(5, shuffle=True, random_state=0).split(data.prompts):
        model = fit_gain(
            _exchanges(data, train, see_answers=see_answers),
            data.weak[train],
            data.strong[train],
            embed=embed,
        )
        gain[test] = model.score(_exchanges(data, test, see_answers=see_answers))
    return gain


def kept_gain(
    data: Recorded, *, see_answers: bool, embed: Embed | None, folder: Path | None
) -> NDArray[np.float64]:
    """Return the out-of-fold gain, read from or written to `folder` where one is given."""
    seen = ("-answers" if see_answers else "") + ("-embedded" if embed else "")
    path = None if folder is None else folder / f"{data.name}{seen}.npy"
    if path is not None and path.exists():
        stored: NDArray[np.float64] = np.load(path)
        return stored
    gain = out_of_fold_gain(data, see_answers=see_answers, embed=embed)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, gain)
    return gain


def sentence_encoder(folder: Path) -> Embed | None:
    """Return the project's 8-bit MiniLM, built in `folder`, or None without its weights."""
    try:
        found = find_encoder()
    except ArtefactError:
        return None
    write_body(found, folder)
    embedder = Embedder(folder, threads=1, cache_texts=20_000)
    return lambda texts: embedder.embed(list(texts)).vectors


def _exchanges(data: Recorded, rows: NDArray[np.int64], *, see_answers: bool) -> Exchanges:
    return Exchanges(
        prompts=[data.prompts[i] for i in rows],
        answers=[data.answers[i] for i in rows] if see_answers else None,
    )
