"""Which word and character n-grams a text holds, as buckets of a hash table: no dictionary is stored."""

import re
import unicodedata
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Buckets = NDArray[np.int64]

# Stored with each model: weights learnt under one scheme mean nothing under another.
SCHEME = 1
CHARACTER_ORDERS = (2, 3, 4, 5)
WORD_ORDERS = (1, 2)
MAX_BITS = 20
# A text is read in blocks of this many characters, so that memory does not grow with its length.
BLOCK = 1 << 16

_LONGEST = max(CHARACTER_ORDERS)
_AFTER_ALL = np.iinfo(np.uint32).max  # above every bucket, so that the last run ends like the others
_WORD = re.compile(r"[\w']+")


def _coefficients() -> tuple[Hashes, Hashes, Hashes, Hashes]:
    """Returns the multipliers (position, order) and salts (order) for characters and for words.

    A multilinear hash: h_n(c) = s_n + sum_i a_in c_i modulo 2^64, of which the top bits are used
    (Dietzfelbinger 1996; Lemire & Kaser 2014). The numbers are arbitrary and must never change.
    """
    draw = np.random.Generator(np.random.PCG64(20261122)).integers
    characters = draw(1 << 63, size=(_LONGEST, len(CHARACTER_ORDERS)), dtype=np.uint64) * 2 + 1
    words = draw(1 << 63, size=(max(WORD_ORDERS), len(WORD_ORDERS)), dtype=np.uint64) * 2 + 1
    for column, order in enumerate(CHARACTER_ORDERS):
        characters[order:, column] = 0
    for column, order in enumerate(WORD_ORDERS):
        words[order:, column] = 0
    salts = draw(1 << 63, size=len(CHARACTER_ORDERS) + len(WORD_ORDERS), dtype=np.uint64)
    return characters, salts[: len(CHARACTER_ORDERS)], words, salts[len(CHARACTER_ORDERS) :]


_CHARACTER_FACTORS, _CHARACTER_SALTS, _WORD_FACTORS, _WORD_SALTS = _coefficients()


def counts(text: str, *, bits: int) -> tuple[Buckets, NDArray[np.float32]]:
    """Returns the buckets (of 2^bits) that the text's n-grams fall into, rising, and how many fall in each.

    Every character counts, whatever the length: time is linear in it, memory is bounded by the
    block and the table. Case, Unicode compatibility forms and the width of blanks do not count.
    """
    shift = np.uint64(64 - bits)
    blocks = hash_blocks(text)
    first = next(blocks) >> shift
    second = next(blocks, None)
    if second is None and len(first) < (1 << bits) // 8:
        return _counts_by_sorting(first)
    table = np.bincount(first.view(np.int64), minlength=1 << bits)
    while second is not None:
        table += np.bincount((second >> shift).view(np.int64), minlength=1 << bits)
        second = next(blocks, None)
    buckets = np.flatnonzero(table)
    return buckets, table[buckets].astype(np.float32)


def hash_blocks(text: str) -> Iterator[Hashes]:
    """Yields the hashes of all n-grams of the text, in the order of `ngrams`, in bounded blocks.

    A window that reaches past the end of the text counts too: it says how the text ends.
    """
    plain = normalised(text)
    padded = _padded(plain)
    words = _word_windows(plain) @ _WORD_FACTORS + _WORD_SALTS
    if len(padded) <= BLOCK:
        yield np.concatenate((_character_hashes(padded), words), axis=None)
        return
    for start in range(0, len(padded), BLOCK):
        block = padded[start : start + BLOCK + _LONGEST - 1]
        yield _character_hashes(block)[:BLOCK].ravel()
    yield words.ravel()


def ngrams(text: str) -> list[str]:
    """Returns all n-grams of the text as text, in the order of their hashes in `hash_blocks`."""
    plain = normalised(text)
    padded = _padded(plain)
    words = _WORD.findall(plain)
    found = [padded[i : i + n] for i in range(len(padded)) for n in CHARACTER_ORDERS]
    return found + [" ".join(words[i : i + n]) for i in range(len(words)) for n in WORD_ORDERS]


def normalised(text: str) -> str:
    """Returns the text as it is hashed: compatibility forms composed (NFKC), case folded."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def _padded(plain: str) -> str:
    return f" {' '.join(plain.split())} "


def _character_hashes(padded: str) -> Hashes:
    """Returns (characters, orders) hashes: row i holds the n-grams that begin at character i."""
    codes = (padded + "\0" * (_LONGEST - 1)).encode("utf-32-le", "surrogatepass")
    windows = np.ndarray((len(padded), _LONGEST), np.dtype("<u4"), codes, 0, (4, 4))
    return windows.astype(np.uint64) @ _CHARACTER_FACTORS + _CHARACTER_SALTS


def _word_windows(plain: str) -> Hashes:
    """Returns (words, longest order) CRC-32s: row i holds word i and those after it, 0 past the end."""
    found = [zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in _WORD.findall(plain)]
    found += [0] * (max(WORD_ORDERS) - 1)
    crcs = np.array(found, dtype=np.uint64)
    return np.ndarray((len(found) - max(WORD_ORDERS) + 1, max(WORD_ORDERS)), np.uint64, crcs, 0, (8, 8))


def _counts_by_sorting(unsorted: Hashes) -> tuple[Buckets, NDArray[np.float32]]:
    buckets = np.empty(len(unsorted) + 1, dtype=np.uint32)
    buckets[:-1] = unsorted
    buckets[-1] = _AFTER_ALL
    buckets.sort()
    ends = (buckets[1:] != buckets[:-1]).nonzero()[0]
    repeats = ends.astype(np.float32)
    repeats[1:] -= ends[:-1]
    repeats[0] += 1
    return buckets[ends].astype(np.int64), repeats
