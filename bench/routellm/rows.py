"""RouteLLM's recorded rows without the prompts its authors call contaminated, folds and held-out rows."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bench.proof.recorded import Recorded, data_folder, load

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["by_prompt", "clean", "subjects", "taken"]

FOLDS = 5


def clean(name: str) -> Recorded:
    """Return the rows of `mmlu` or `gsm8k` whose prompts are not on the authors' list."""
    data = load(name)
    path = data_folder() / name / "contaminated_prompts.jsonl"
    listed = {json.loads(line)["eval_prompt"] for line in path.read_text(encoding="utf-8").splitlines()}
    return taken(data, np.array([prompt not in listed for prompt in data.prompts]))


def taken(data: Recorded, chosen: NDArray[np.bool_]) -> Recorded:
    """Return the chosen rows."""
    rows = np.flatnonzero(chosen)
    return replace(
        data,
        prompts=[data.prompts[i] for i in rows],
        answers=[data.answers[i] for i in rows],
        weak=data.weak[rows],
        strong=data.strong[rows],
    )


def subjects(data: Recorded) -> NDArray[np.str_]:
    """Return each MMLU row's subject: the file it stands in, which no router here may see."""
    folder = data_folder() / "mmlu" / "responses"
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as source:
            found |= {row["prompt"]: path.stem.removeprefix("mmlu_") for row in csv.DictReader(source)}
    return np.array([found[prompt] for prompt in data.prompts])


def by_prompt(data: Recorded, *, parts: int = FOLDS, seed: int = 0) -> NDArray[np.int64]:
    """Return a random part for each row, equal prompts always in the same part."""
    distinct = {prompt: position for position, prompt in enumerate(dict.fromkeys(data.prompts))}
    part = np.random.default_rng(seed).permutation(len(distinct)) % parts
    return np.array([part[distinct[prompt]] for prompt in data.prompts])
