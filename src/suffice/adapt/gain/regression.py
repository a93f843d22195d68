"""Two logistic regressions over one set of rows: is the small model right, is the reference."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.special import expit


@dataclass(frozen=True, kw_only=True)
class Regression:
    """Weights (columns, 2) and biases (2,): column 0 of the small model being right, 1 of the reference."""

    weight: NDArray[np.float16]
    bias: NDArray[np.float32]

    @classmethod
    def fit(cls, rows: csr_matrix, outcomes: NDArray[np.uint8], *, penalty: float) -> "Regression":
        """Returns both regressions with L2 penalty 1 / (2 penalty); both outcomes must vary."""
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - for training alone

        fits: list[Any] = [
            LogisticRegression(C=penalty, tol=1e-5, max_iter=300).fit(rows, right) for right in outcomes.T
        ]
        return cls(
            weight=np.stack([fit.coef_[0] for fit in fits], axis=1).astype(np.float16),
            bias=np.array([fit.intercept_[0] for fit in fits], np.float32),
        )

    def gain(self, rows: csr_matrix) -> NDArray[np.float64]:
        """Returns P(reference right) - P(small right), shape (n,)."""
        right = expit(np.asarray(rows @ self.weight.astype(np.float32), np.float64) + self.bias)
        gain: NDArray[np.float64] = right[:, 1] - right[:, 0]
        return gain
