"""Texts as sparse rows of n-gram weights, the way the linear model reads them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from suffice.models import hashing
from suffice.models.linear_weights import rarity_code

# 8 bytes each, twice for a moment: what is kept of the texts stays below 1 GB.
MAX_ENTRIES = 60_000_000


def counted(texts: Sequence[str], *, bits: int) -> csr_matrix:
    """Returns the (n, 2^bits) square roots of the n-gram counts of n >= 1 texts, in single precision.

    When the texts together have more than MAX_ENTRIES n-grams, the rows after those are missing:
    the caller sees it in the shape, and says so.
    """
    columns: list[NDArray[np.int32]] = []
    values: list[NDArray[np.float32]] = []
    ends = [0]
    for text in texts:
        buckets, counts = hashing.counts(text, bits=bits)
        if ends[-1] + len(buckets) > MAX_ENTRIES:
            break
        columns.append(buckets.astype(np.int32))
        values.append(np.sqrt(counts))
        ends.append(ends[-1] + len(buckets))
    shape = (len(columns), 1 << bits)
    return csr_matrix((np.concatenate(values), np.concatenate(columns), np.array(ends)), shape=shape)


def texts_with(rows: csr_matrix) -> NDArray[np.int64]:
    """Returns how many rows each bucket occurs in."""
    return np.bincount(rows.indices, minlength=rows.shape[1]).astype(np.int64)


def rarity_codes(rows: csr_matrix) -> NDArray[np.uint8]:
    """Returns the rarity of each bucket over these rows, as it is stored."""
    return rarity_code(rows.shape[0], texts_with(rows))


def bits_for(texts: Sequence[str], *, most: int) -> int:
    """Returns the logarithm of a table large enough for these texts' distinct n-grams, at least 2^12.

    A table with a bucket for each n-gram has few collisions; a larger one only costs bytes.
    """
    seen = np.zeros(1 << hashing.MAX_BITS, dtype=np.bool_)
    for text in texts:
        seen[hashing.counts(text, bits=hashing.MAX_BITS)[0]] = True
        # The table is as large as it may become: no need to look further.
        if len(text) and np.count_nonzero(seen[:: 1 << 6]) << 6 > 1 << most:
            return most
    return int(np.clip(int(np.count_nonzero(seen)).bit_length(), 12, most))
