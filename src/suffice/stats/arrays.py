"""Checked numpy arrays: the one place where observations are validated before they are bet on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


__all__ = ["bounded_values"]

# Differences of means arrive with rounding of this order; it is not an observation out of range.
ROUNDING = 1e-9


def bounded_values(values: ArrayLike, *, low: float, high: float) -> NDArray[np.float64]:
    """Return `values` as floats, each inside [low, high].

    Raises:
        ValueError: a value is not finite or lies outside the range the test was built for.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0:
        return array
    smallest, largest = float(array.min()), float(array.max())
    if not (smallest >= low - ROUNDING and largest <= high + ROUNDING):
        raise ValueError(f"observations lie in [{smallest}, {largest}], the test expects [{low}, {high}]")
    return array
