"""The numbers of a tagger as they are stored: 8-bit rows in one safetensors file, checked when read."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from suffice import files
from suffice.errors import ArtefactError

WEIGHTS = "weights.safetensors"
Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class TaggerWeights:
    """Weights of F features and L tags.

    A word's scores are the sum of `scale * rows` over its features; a text's score adds `transition` from
    each tag to the next. `features` are rising hashes; a feature that is not among them says nothing.
    """

    features: NDArray[np.uint32]  # (F,)
    rows: NDArray[np.int8]  # (F, L)
    scale: NDArray[np.float16]  # (F,)
    transition: Floats  # (L, L)

    def scores(self, words: Sequence[NDArray[np.uint32]]) -> Floats:
        """Returns the (n, L) scores of a text's words, each given by its features' hashes."""
        labels = self.rows.shape[1]
        if not words or not len(self.features):
            return np.zeros((len(words), labels), np.float32)
        hashes = np.concatenate(words)
        owner = np.repeat(np.arange(len(words)), [len(word) for word in words])
        place = np.minimum(np.searchsorted(self.features, hashes), len(self.features) - 1)
        known = self.features[place] == hashes
        place, owner = place[known], owner[known]
        weighted = self.rows[place].astype(np.float32)
        weighted *= self.scale[place].astype(np.float32)[:, None]
        out = np.zeros((len(words), labels), np.float32)
        if len(owner):
            starts = np.flatnonzero(np.diff(owner, prepend=-1))
            out[owner[starts]] = np.add.reduceat(weighted, starts, axis=0)
        return out

    def write(self, folder: Path) -> None:
        """Writes the weights' file into a folder."""
        tensors = {field.name: np.ascontiguousarray(getattr(self, field.name)) for field in fields(self)}
        files.write_bytes(folder / WEIGHTS, save(tensors))

    @classmethod
    def read(cls, folder: Path, *, labels: int) -> Self:
        """Returns the weights in a folder, for a model of this many tags.

        Raises:
            ArtefactError: the file is missing, damaged, or its tensors are not those of such a model.
        """
        path = folder / WEIGHTS
        try:
            tensors = load(path.read_bytes())
            weights = cls(**tensors)
        except (OSError, SafetensorError, ValueError, TypeError) as error:
            raise ArtefactError(f"{path} cannot be read: {error}") from error
        count = len(weights.features)
        expected = {
            "features": ("uint32", (count,)),
            "rows": ("int8", (count, labels)),
            "scale": ("float16", (count,)),
            "transition": ("float32", (labels, labels)),
        }
        for name, wanted in expected.items():
            found = (tensors[name].dtype.name, tensors[name].shape)
            if found != wanted:
                raise ArtefactError(f"{path}: {name} is {found}, expected {wanted}")
        is_rising = bool((np.diff(weights.features.astype(np.int64)) > 0).all())
        if not (is_rising and np.isfinite(weights.scale).all() and np.isfinite(weights.transition).all()):
            raise ArtefactError(f"{path} holds values that no tagger has")
        return weights
