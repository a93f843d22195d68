"""Sparse rows of counts, weighted by the rarity of their buckets and brought to length 1."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from suffice.models.linear_weights import rarity

# 8 bytes an entry, twice for a moment.
_CHUNK_ROWS = 8_192


def weighted(rows: csr_matrix, codes: NDArray[np.uint8]) -> csr_matrix:
    """Returns the rows times the buckets' rarity, each row of length 1; the given rows are used up."""
    factors = rarity(codes)
    for start in range(0, rows.shape[0], _CHUNK_ROWS):
        ends = rows.indptr[start : start + _CHUNK_ROWS + 1]
        part = slice(int(ends[0]), int(ends[-1]))
        values = rows.data[part]
        values *= factors[rows.indices[part]]
        # Every text has n-grams, so that no row is empty.
        lengths = np.sqrt(np.add.reduceat(values.astype(np.float64) ** 2, ends[:-1] - ends[0]))
        values /= np.repeat(lengths, np.diff(ends)).astype(np.float32)
    return rows
