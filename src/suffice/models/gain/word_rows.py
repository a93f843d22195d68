"""Prompts as sparse rows of hashed words and pairs of words, weighted by rarity."""

import re
import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from suffice.models import hashing

BITS: Final = 20
_WORD: Final = re.compile(r"\w\w+")
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: Knuth's multiplicative hash, TAOCP 3, 6.4


def counted_words(texts: Sequence[str]) -> csr_matrix:
    """Returns (n, 2^BITS) counts of words and of pairs of neighbouring words, damped as 1 + ln(count)."""
    columns: list[NDArray[np.int64]] = []
    values: list[NDArray[np.float32]] = []
    ends = [0]
    for text in texts:
        buckets, counts = np.unique(_buckets(text), return_counts=True)
        columns.append(buckets)
        values.append((1.0 + np.log(counts)).astype(np.float32))
        ends.append(ends[-1] + len(buckets))
    flat = np.concatenate(columns) if columns else np.zeros(0, np.int64)
    data = np.concatenate(values) if values else np.zeros(0, np.float32)
    return csr_matrix((data, flat, np.array(ends)), shape=(len(texts), 1 << BITS))


def _buckets(text: str) -> NDArray[np.int64]:
    found = _WORD.findall(hashing.normalised(text))
    words = np.array([zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in found], np.uint64)
    pairs = (words[:-1] << np.uint64(32)) + words[1:] + np.uint64(1)
    hashes = np.concatenate((words, pairs * _ODD)) * _ODD
    buckets: NDArray[np.int64] = (hashes >> np.uint64(64 - BITS)).astype(np.int64)
    return buckets
