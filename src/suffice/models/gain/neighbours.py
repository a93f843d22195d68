"""What happened on the nearest prompts seen before: the locality that kNN routers live on, as features.

A router that averages the outcomes of the k nearest prompts matches learned routers (Li, 2505.12601); here
the averages at three widths are inputs of another learner instead of the answer.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

WIDTHS: Final = (20, 100, 300)
COLUMNS: Final = 2 + 2 * len(WIDTHS)
_BLOCK: Final = 1024  # rows compared at once: bounds memory at _BLOCK x remembered prompts
_SCALE: Final = 127.0


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Remembered prompts: unit vectors in 8 bits, shape (m, d), and outcomes, shape (m, 2) of 0 and 1."""

    vectors: NDArray[np.int8]
    outcomes: NDArray[np.uint8]

    @classmethod
    def remember(cls, vectors: NDArray[np.float32], outcomes: NDArray[np.uint8]) -> "Neighbours":
        """Returns the memory of these unit vectors and outcomes."""
        return cls(vectors=np.round(np.clip(vectors, -1, 1) * _SCALE).astype(np.int8), outcomes=outcomes)

    def columns(self, vectors: NDArray[np.float32], *, own: bool = False) -> NDArray[np.float64]:
        """Returns two cosines and the mean outcomes by width for each of n unit vectors: (n, COLUMNS).

        The cosines are those of the nearest and of the middle width's last neighbour. `own` says that the
        vectors are the remembered ones in their order: each is then left out of its own neighbours.
        """
        blocks = [np.zeros((0, COLUMNS))]
        for start in range(0, len(vectors), _BLOCK):
            cosines = vectors[start : start + _BLOCK].astype(np.float32) @ self._memory
            if own:
                rows = np.arange(len(cosines))
                cosines[rows, start + rows] = -2.0
            blocks.append(self._describe(cosines, spare=int(own)))
        return np.concatenate(blocks)

    @cached_property
    def _memory(self) -> NDArray[np.float32]:
        return np.ascontiguousarray(self.vectors.T, dtype=np.float32) / np.float32(_SCALE)

    def _describe(self, cosines: NDArray[np.float32], *, spare: int) -> NDArray[np.float64]:
        most = len(self.vectors) - spare
        widest = min(WIDTHS[-1], most)
        near = np.argpartition(-cosines, widest - 1, axis=1)[:, :widest]
        # Ties are ordered by position, so that the same prompts always give the same features.
        order = np.lexsort((near, -np.take_along_axis(cosines, near, axis=1)), axis=1)
        near = np.take_along_axis(near, order, axis=1)
        nearest = np.take_along_axis(cosines, near, axis=1)
        parts = [nearest[:, :1], nearest[:, min(WIDTHS[1], widest) - 1][:, None]]
        parts += [self.outcomes[near[:, : min(width, widest)]].mean(axis=1) for width in WIDTHS]
        return np.concatenate(parts, axis=1, dtype=np.float64)
