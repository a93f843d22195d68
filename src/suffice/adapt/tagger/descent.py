"""Weights that learn from gradients, in numpy: AdaGrad for features that are rare, Adam for dense ones."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Rows = slice | NDArray[np.int64]

_SMOOTH = 1e-2  # keeps AdaGrad's first steps short
_FIRST, _SECOND, _TINY = 0.9, 0.999, 1e-8  # Adam's constants, as published
_ALL = slice(None)


class AdaGrad:
    """Weights that each learn the slower the more they were moved (Duchi et al. 2011)."""

    def __init__(self, shape: tuple[int, int], *, rate: float, decay: float) -> None:
        self.values: Floats = np.zeros(shape, np.float32)
        self._squares = np.full(shape, _SMOOTH, np.float32)
        self._rate, self._decay = rate, decay

    def step(self, gradient: Floats, rows: Rows = _ALL) -> None:
        """Moves some rows against their gradient."""
        gradient = gradient + self._decay * self.values[rows]
        self._squares[rows] += gradient * gradient
        self.values[rows] -= self._rate * gradient / np.sqrt(self._squares[rows])


class Adam:
    """Weights moved by averaged gradients (Kingma & Ba 2015); the rate falls linearly to 0 over `steps`."""

    def __init__(self, shape: tuple[int, int], *, rate: float, decay: float, steps: int) -> None:
        self.values: Floats = np.zeros(shape, np.float32)
        self._mean, self._square = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self._rate, self._decay, self._steps = rate, decay, max(steps, 1)
        self._done = 0

    def step(self, gradient: Floats) -> None:
        """Moves all weights once."""
        gradient = gradient + self._decay * self.values
        rate = self._rate * (1 - self._done / self._steps)
        self._done += 1
        self._mean = _FIRST * self._mean + (1 - _FIRST) * gradient
        self._square = _SECOND * self._square + (1 - _SECOND) * gradient * gradient
        mean = self._mean / (1 - _FIRST**self._done)
        spread = np.sqrt(self._square / (1 - _SECOND**self._done)) + _TINY
        self.values -= (rate * mean / spread).astype(np.float32)
