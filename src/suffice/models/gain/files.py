"""The escalation score on disk: one safetensors file of arrays and one JSON file of words, never a pickle."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from suffice import files
from suffice.errors import ArtefactError
from suffice.models.gain import answer_features, prompt_features, word_rows
from suffice.models.gain.boosted_trees import BoostedTrees
from suffice.models.gain.learners import Learners, Scaling
from suffice.models.gain.neighbours import Neighbours
from suffice.models.gain.regression import Regression
from suffice.models.gain.score import GainModel
from suffice.models.gain.views import Embed

ARRAYS: Final = "gain.safetensors"
WORDS: Final = "gain.json"
_FORMAT: Final = 1

_Arrays = dict[str, NDArray[Any]]


def save_gain(model: GainModel, folder: Path) -> None:
    """Writes the model into a folder; the encoder is not part of it, only whether there was one.

    Raises:
        OutputError: the folder cannot be written to.
    """
    arrays: _Arrays = {}
    if model.learners is not None:
        for part in fields(Learners):
            held = getattr(model.learners, part.name)
            for array in fields(held) if held is not None else ():
                arrays[f"{part.name}.{array.name}"] = np.ascontiguousarray(getattr(held, array.name))
    files.write_bytes(folder / ARRAYS, save(arrays))
    words = {
        "format": _FORMAT,
        "features": _features(),
        "order": model.order,
        "parts": list(model.parts),
        "rows": model.rows,
        "why": model.why,
        "encoder": model.embed is not None and model.learners is not None,
    }
    files.write_json(folder / WORDS, words)


def load_gain(folder: Path, *, embed: Embed | None = None) -> GainModel:
    """Returns the model in a folder; its scores equal those of the model that was saved.

    Args:
        folder: where `save_gain` wrote.
        embed: the encoder it was fitted with, where it had one.

    Raises:
        ArtefactError: files are missing, damaged or of another version, or the encoder is missing.
    """
    try:
        words = json.loads((folder / WORDS).read_text(encoding="utf-8"))
        arrays = load((folder / ARRAYS).read_bytes())
        if words["format"] != _FORMAT or words["features"] != _features():
            raise ArtefactError(
                f"{folder / WORDS} was written by another version of suffice: fit the score again"
            )
        if words["encoder"] and embed is None:
            raise ArtefactError(f"the score in {folder} was fitted with an encoder, and none is given")
        return GainModel(
            order=words["order"],
            parts=tuple(words["parts"]),
            rows=int(words["rows"]),
            why=str(words["why"]),
            learners=_learners(arrays) if arrays else None,
            embed=embed if words["encoder"] else None,
        )
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ArtefactError(f"the escalation score in {folder} cannot be read: {error!r}") from error


def _learners(arrays: _Arrays) -> Learners:
    return Learners(
        scaling=Scaling(**_part(arrays, "scaling")),
        joint=Regression(**_part(arrays, "joint")),
        words=Regression(**_part(arrays, "words")) if "words.bias" in arrays else None,
        trees=BoostedTrees(**_part(arrays, "trees")),
        neighbours=Neighbours(**_part(arrays, "neighbours")) if "neighbours.vectors" in arrays else None,
    )


def _part(arrays: _Arrays, name: str) -> _Arrays:
    return {key.partition(".")[2]: array for key, array in arrays.items() if key.startswith(f"{name}.")}


def _features() -> list[str]:
    return [f"words {word_rows.BITS}", *prompt_features.FEATURES, *answer_features.FEATURES]
