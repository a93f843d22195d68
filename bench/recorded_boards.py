"""Right or wrong of many real models on the same questions: MMLU-Pro by category, and GSM8K."""

import csv
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MARGIN = 0.05
_SIZES = Path(__file__).parent.parent / "examples" / "model_sizes.json"
_NO_MODEL = {"question_id", "category", "answer", "id"}
# A model that lacks more questions than this is left out; of the others, all answer each row kept.
_MISSING = 0.01


@dataclass(frozen=True, kw_only=True)
class Board:
    """One benchmark: `right` has a row for each question, and a column for each model.

    Columns are ordered by parameters, then by name; models of unknown size come last.
    """

    name: str
    models: tuple[str, ...]
    sizes: tuple[float | None, ...]
    right: NDArray[np.float64]
    left_out: int

    @cached_property
    def accuracy(self) -> NDArray[np.float64]:
        """Returns each model's accuracy over all questions: the truth that searches are held against."""
        found: NDArray[np.float64] = self.right.mean(axis=0)
        return found

    @cached_property
    def reference(self) -> int:
        """Returns the best model over all questions; fixed, so no search has a say in it."""
        return int(np.argmax(self.accuracy))

    @cached_property
    def candidates(self) -> tuple[int, ...]:
        """Returns every other model that is not known to be larger than the reference, smallest first."""
        most = self.sizes[self.reference]
        return tuple(
            index
            for index, size in enumerate(self.sizes)
            if index != self.reference and (most is None or size is None or size <= most)
        )

    @property
    def asked(self) -> int:
        """Returns the number of models that answer: the candidates and the reference."""
        return len(self.candidates) + 1

    @cached_property
    def gap(self) -> NDArray[np.float64]:
        """Returns by how much each model's accuracy is above the bar, the reference's less the margin."""
        found: NDArray[np.float64] = self.accuracy - self.accuracy[self.reference] + MARGIN
        return found

    @cached_property
    def smallest(self) -> int | None:
        """Returns the smallest model that is truly within the margin, None where only the reference is."""
        return next((index for index in self.candidates if self.gap[index] >= 0), None)

    @cached_property
    def differences(self) -> NDArray[np.float64]:
        """Returns D of every model: its right or wrong less the reference's, in {-1, 0, 1}."""
        found: NDArray[np.float64] = self.right - self.right[:, [self.reference]]
        return found


def boards(*, only_known_sizes: bool = False) -> list[Board]:
    """Returns GSM8K and the categories of MMLU-Pro; exits with a reason where the data are absent.

    With `only_known_sizes` models whose parameters are not public take no part, as reference neither.
    """
    root = Path(os.environ.get("SUFFICE_DATA", "../shared/data"))
    mmlu, gsm = root / "mmlu_pro_outcomes" / "correct.csv", root / "zeroeval" / "gsm" / "correct.csv"
    for path in (mmlu, gsm):
        if not path.is_file():
            sys.exit(f"{path} is absent: set SUFFICE_DATA to the folder that holds it")
    known = {k: v for k, v in json.loads(_SIZES.read_text(encoding="utf-8")).items() if k != "about"}
    rows = _read(mmlu)
    categories = sorted({row["category"] for row in rows})
    parts = {f"mmlu-pro {c}": [row for row in rows if row["category"] == c] for c in categories}
    parts["gsm8k"] = _read(gsm)
    return [_board(name, part, known, only_known=only_known_sizes) for name, part in parts.items()]


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as source:
        return list(csv.DictReader(source))


def _board(name: str, rows: Sequence[dict[str, str]], known: dict[str, float], *, only_known: bool) -> Board:
    everyone = [m for m in rows[0] if m not in _NO_MODEL and (m in known or not only_known)]
    allowed = _MISSING * len(rows)
    models = [m for m in everyone if sum(row[m] == "" for row in rows) <= allowed]
    models.sort(key=lambda m: (m not in known, known.get(m, 0.0), m))
    complete = [row for row in rows if all(row[m] != "" for m in models)]
    return Board(
        name=name,
        models=tuple(models),
        sizes=tuple(known.get(m) for m in models),
        right=np.array([[float(row[m]) for m in models] for row in complete]),
        left_out=len(everyone) - len(models),
    )
