"""Numbers of a decoder that llama.cpp takes on trust: on a wrong one it ends the whole process."""

from __future__ import annotations

import math
from pathlib import Path

from suffice.errors import ArtefactError
from suffice.models.gguf.header import Header

_MOST_LAYERS = 512  # LLAMA_MAX_LAYERS
_MOST_TOKENS = 1 << 30
_LARGEST = 1e12  # no published constant comes near


def check(header: Header, path: Path) -> None:
    """Checks the architecture's numbers.

    Raises:
        ArtefactError: names the key, its value, and what was expected.
    """
    for key, most in (("block_count", _MOST_LAYERS), ("context_length", _MOST_TOKENS)):
        value = header.of_architecture(key)
        if not isinstance(value, int) or not 1 <= value <= most:
            raise _wrong(header, path, key, value, f"a number from 1 to {most:,}")
    for key, value in header.values.items():
        if not isinstance(value, float):
            continue
        if not math.isfinite(value) or abs(value) > _LARGEST:
            raise ArtefactError(f"{path}: {key} is {value}, no number that a decoder could have")
        if key.endswith("epsilon") and not 0 <= value < 1:
            raise ArtefactError(f"{path}: {key} is {value}; from 0 to below 1 was expected")


def _wrong(header: Header, path: Path, key: str, value: object, expected: str) -> ArtefactError:
    return ArtefactError(f"{path}: {header.architecture}.{key} is {value!r}; {expected} was expected")
