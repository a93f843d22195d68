"""Texts to MiniLM vectors through the project's own 8-bit encoder, kept in a cache folder between runs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from suffice.adapt.encoder.quantised_body import write_body
from suffice.adapt.encoder.weights import find_encoder
from suffice.models.embedder import Embedder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Vectors"]

# About 128 to 200 tokens: what the baselines of the literature read too.
CHARACTERS = 700


@dataclass
class Vectors:
    """An encoder that remembers every text it has seen."""

    cache: Path
    threads: int = 2
    known: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def learn(self, texts: Sequence[str]) -> None:
        """Embed texts now, or read them from the cache of an earlier run."""
        distinct = sorted(set(texts))
        name = hashlib.sha256("\0".join([str(CHARACTERS), *distinct]).encode()).hexdigest()[:16]
        path = self.cache / f"minilm-{name}.npy"
        if not path.exists():
            body = self.cache / "encoder"
            write_body(find_encoder(), body)
            embedder = Embedder(body, threads=self.threads)
            np.save(path, embedder.embed([text[:CHARACTERS] for text in distinct]).vectors)
        self.known |= dict(zip(distinct, np.load(path), strict=True))

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit vectors of known texts, shape (n, 384)."""
        return np.array([self.known[text] for text in texts], np.float32).reshape(len(texts), -1)
