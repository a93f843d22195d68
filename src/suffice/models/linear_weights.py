"""The numbers of a linear model as they are stored: 8-bit rows in one safetensors file, checked when read."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from suffice import files
from suffice.errors import ArtefactError
from suffice.models import hashing

WEIGHTS = "weights.safetensors"
# Rarity weights are stored in steps of 1/16, as one byte each.
RARITY_STEP = 1.0 / 16.0


@dataclass(frozen=True, kw_only=True)
class LinearWeights:
    """Weights of 2^bits buckets x rank, and a head of rank x K labels (none where rank = K).

    A text with bucket counts c has x_b = sqrt(c_b) rarity_b / |sqrt(c) rarity|, and logits
    ((x * row_scale) rows) head + bias.
    """

    rows: NDArray[np.int8]  # (2^bits, rank)
    row_scale: NDArray[np.float16]  # (2^bits,)
    rarity_code: NDArray[np.uint8]  # (2^bits,): rarity = 1 + RARITY_STEP * code
    head: NDArray[np.float16]  # (rank, K), or (0, K) where the rows hold the labels' weights themselves
    bias: NDArray[np.float32]  # (K,)

    @property
    def bits(self) -> int:
        """Returns the logarithm of the number of buckets."""
        return len(self.rows).bit_length() - 1

    @property
    def rarity(self) -> NDArray[np.float32]:
        """Returns the weight of each bucket in a text, before the text's length is divided out."""
        return rarity(self.rarity_code)

    def write(self, folder: Path) -> None:
        """Writes the weights' file into a folder."""
        tensors = {field.name: np.ascontiguousarray(getattr(self, field.name)) for field in fields(self)}
        files.write_bytes(folder / WEIGHTS, save(tensors))

    @classmethod
    def read(cls, folder: Path, *, labels: int) -> Self:
        """Returns the weights in a folder, for a model of this many labels.

        Raises:
            ArtefactError: the file is missing, damaged, or its tensors are not those of such a model.
        """
        path = folder / WEIGHTS
        try:
            tensors = load(path.read_bytes())
        except (OSError, SafetensorError, ValueError) as error:
            raise ArtefactError(f"{path} cannot be read: {error}") from error
        names = {field.name for field in fields(cls)}
        if set(tensors) != names:
            odd = min(set(tensors) ^ names)
            raise ArtefactError(f"{path}: the tensor {odd!r} is {'unknown' if odd in tensors else 'missing'}")
        weights = cls(**tensors)
        for name, expected in weights.expected_shapes(labels).items():
            found = (getattr(weights, name).dtype.name, getattr(weights, name).shape)
            if found != expected:
                raise ArtefactError(f"{path}: {name} is {found}, expected {expected}")
        _check_values(weights, path)
        return weights

    def expected_shapes(self, labels: int) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Returns the dtype and shape each tensor must have, given its rows and the labels."""
        buckets = 1 << min(max(self.bits, 1), hashing.MAX_BITS)
        rank = self.rows.shape[1] if self.rows.ndim == 2 else 0
        inner = 0 if self.head.shape[:1] == (0,) else rank
        return {
            "rows": ("int8", (buckets, rank if inner else labels)),
            "row_scale": ("float16", (buckets,)),
            "rarity_code": ("uint8", (buckets,)),
            "head": ("float16", (inner, labels)),
            "bias": ("float32", (labels,)),
        }


def _check_values(weights: LinearWeights, path: Path) -> None:
    for name in ("row_scale", "head", "bias"):
        if not np.isfinite(getattr(weights, name)).all():
            raise ArtefactError(f"{path}: {name} holds values that are no finite numbers")


def rarity(code: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns the rarity weights that the stored bytes stand for."""
    weights: NDArray[np.float32] = 1.0 + np.float32(RARITY_STEP) * code.astype(np.float32)
    return weights


def rarity_code(texts: int, texts_with: NDArray[Any]) -> NDArray[np.uint8]:
    """Returns the stored rarity of buckets met in `texts_with` of `texts` texts.

    1 + ln((1 + n) / (1 + n_b)), the smoothed inverse document frequency of Salton & Buckley (1988).
    """
    idf = np.log((1.0 + texts) / (1.0 + texts_with))
    return np.clip(np.round(idf / RARITY_STEP), 0, 255).astype(np.uint8)


def quantised(rows: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Returns the rows in 8 bits, and the scale of each row by which they are multiplied.

    The scale is rounded to 16 bits first, so that rounding to it is the only error.
    """
    scale = (np.abs(rows).max(axis=1) / 127.0).astype(np.float16)
    # A subnormal scale would lose the row's precision; such a row is as good as nothing.
    scale[scale < np.finfo(np.float16).smallest_normal] = 0
    divisor = np.where(scale > 0, scale, 1).astype(np.float32)[:, None]
    whole = np.round(np.where(scale[:, None] > 0, rows, 0) / divisor)
    return np.clip(whole, -127, 127).astype(np.int8), scale
