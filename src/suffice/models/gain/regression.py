"""Two logistic regressions over one set of rows: is the small model right, is the reference."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.special import expit


@dataclass(frozen=True, kw_only=True)
class Regression:
    """Weights (columns, 2) and biases (2,): column 0 of the small model being right, 1 of the reference."""

    weight: NDArray[np.float16]
    bias: NDArray[np.float32]

    def gain(self, rows: csr_matrix) -> NDArray[np.float64]:
        """Returns P(reference right) - P(small right), shape (n,)."""
        right = expit(np.asarray(rows @ self.weight.astype(np.float32), np.float64) + self.bias)
        gain: NDArray[np.float64] = right[:, 1] - right[:, 0]
        return gain
