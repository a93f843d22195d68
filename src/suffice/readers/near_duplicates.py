"""Which texts say nearly the same: MinHash finds pairs, exact Jaccard confirms them, clusters follow.

Broder, "On the resemblance and containment of documents" (1997), for MinHash over shingles;
Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets" (ch. 3.4), for banding. With 25 bands of 5 a
pair at similarity 0.8 is overlooked with probability (1 - 0.8^5)^25 = 5e-5.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

_SHINGLE = 5  # characters
_BANDS = 25
_ROWS = 5
_SEED = 20261122
_CHUNK_CHARACTERS = 1 << 16  # shingles at work at once: they stay in the processor's cache
_MOST_SHINGLES = 4096  # of a longer text those with the smallest hashes stand for all
_PAIRS_AT_ONCE = 50_000
_SHINGLES_AT_ONCE = 8_000_000
_WHOLE_BUCKET = 30  # above, a bucket's members are compared along a chain, not each with each

Hashes = NDArray[np.uint64]


def clusters(texts: Sequence[str], *, threshold: float = 0.8) -> NDArray[np.int64]:
    """Returns (n,) for each text the lowest index of its cluster; a text alone is its own.

    Two texts are tied when the Jaccard similarity of their sets of character 5-grams (lower case, white
    space folded) is at least `threshold`; clusters are the ties' connected parts. Deterministic. Memory: 500
    bytes a text, 12 bytes a shingle of texts that share a bucket with another.
    """
    count = len(texts)
    if count < 2:
        return np.arange(count, dtype=np.int64)
    folded = [" ".join(text.lower().split()) for text in texts]
    signatures = _signatures(folded)
    pairs = _promising(_candidates(signatures), signatures, threshold)
    ties = [chunk[_similarity(folded, chunk) >= threshold] for chunk in _bounded(pairs, folded)]
    return lowest_of_component(count, np.concatenate([pairs[:0], *ties]))


def lowest_of_component(count: int, ties: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns (count,) the lowest index in each one's connected part; ties: (m, 2)."""
    graph = sparse.coo_matrix((np.ones(len(ties), np.int8), (ties[:, 0], ties[:, 1])), shape=(count, count))
    _, component = sparse.csgraph.connected_components(graph, directed=False)
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    return np.asarray(first[inverse], dtype=np.int64)


def _shingles(text: str) -> Hashes:
    """Sorted distinct hashes of a text's 5-grams; a shorter text is one shingle."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    if len(codes) < _SHINGLE:
        codes = np.concatenate([codes, np.zeros(_SHINGLE - len(codes), np.uint64)])
    windows = len(codes) - _SHINGLE + 1
    mixed = np.zeros(windows, np.uint64)
    for place in range(_SHINGLE):
        mixed = mixed * np.uint64(0x100000001B3) + codes[place : place + windows]
    hashes = np.unique(_mix(mixed))
    return hashes[:_MOST_SHINGLES]


def _mix(values: Hashes) -> Hashes:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014): spreads each bit over all."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _signatures(texts: Sequence[str]) -> NDArray[np.uint32]:
    """(n, bands * rows) MinHash signatures, worked out a cache-sized part at a time."""
    generator = np.random.default_rng(_SEED)
    factors = generator.integers(0, 2**63, _BANDS * _ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    result = np.empty((len(texts), len(factors)), np.uint32)
    for begin, end, flat, starts in _parts(texts):
        for column, factor in enumerate(factors):
            smallest = np.minimum.reduceat(flat * factor, starts)
            result[begin:end, column] = (smallest >> np.uint64(32)).astype(np.uint32)
    return result


def _parts(texts: Sequence[str]) -> Iterator[tuple[int, int, Hashes, NDArray[np.int64]]]:
    begin, size, sets = 0, 0, []
    for index, text in enumerate(texts):
        sets.append(_shingles(text))
        size += len(sets[-1])
        if size >= _CHUNK_CHARACTERS or index == len(texts) - 1:
            lengths = np.array([len(one) for one in sets])
            yield begin, index + 1, np.concatenate(sets), np.concatenate([[0], np.cumsum(lengths)[:-1]])
            begin, size, sets = index + 1, 0, []


def _candidates(signatures: NDArray[np.uint32]) -> NDArray[np.int64]:
    """(m, 2) distinct pairs, lower index first, that agree in all rows of at least one band."""
    count = len(signatures)
    found: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
    for band in range(_BANDS):
        rows = signatures[:, band * _ROWS : (band + 1) * _ROWS].astype(np.uint64)
        mixed = np.zeros(count, np.uint64)
        for column in range(_ROWS):
            mixed = _mix(mixed ^ rows[:, column])
        order = np.argsort(mixed, kind="stable")
        same = mixed[order]
        # Distance 1 chains a whole bucket together; larger distances compare the rest of small buckets.
        for distance in range(1, min(_WHOLE_BUCKET, count)):
            equal = same[distance:] == same[:-distance]
            if not equal.any():
                break
            low, high = order[:-distance][equal], order[distance:][equal]
            found.append(np.minimum(low, high) * count + np.maximum(low, high))
    codes = np.unique(np.concatenate(found))
    return np.stack([codes // count, codes % count], axis=1)


def _promising(
    pairs: NDArray[np.int64], signatures: NDArray[np.uint32], threshold: float
) -> NDArray[np.int64]:
    """Drops pairs whose signatures agree in far too few places: 5 standard errors, or more, below."""
    places = signatures.shape[1]
    least = threshold - 5 * (threshold * (1 - threshold) / places) ** 0.5
    kept = [pairs[:0]]
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        part = pairs[start : start + _PAIRS_AT_ONCE]
        agree = (signatures[part[:, 0]] == signatures[part[:, 1]]).sum(axis=1)
        kept.append(part[agree >= least * places])
    return np.concatenate(kept)


def _bounded(pairs: NDArray[np.int64], texts: Sequence[str]) -> Iterator[NDArray[np.int64]]:
    """Cuts the pairs so that no part's texts have many more than _SHINGLES_AT_ONCE shingles together."""
    if len(pairs):
        sizes = np.minimum(np.array([len(text) for text in texts]), _MOST_SHINGLES)
        part = np.cumsum(sizes[pairs].sum(axis=1)) // _SHINGLES_AT_ONCE
        yield from np.split(pairs, np.flatnonzero(np.diff(part)) + 1)


def _similarity(texts: Sequence[str], pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """(m,) exact Jaccard similarities of pairs of texts (by sketch above 4,096 shingles)."""
    used, place = np.unique(pairs, return_inverse=True)
    place = place.reshape(pairs.shape)
    sets = [_shingles(texts[index]) for index in used]
    lengths = np.array([len(one) for one in sets])
    _, columns = np.unique(np.concatenate(sets), return_inverse=True)
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    ones = np.ones(len(columns), np.int32)
    matrix = sparse.csr_matrix((ones, columns, bounds), shape=(len(used), int(columns.max()) + 1))
    both = np.asarray(matrix[place[:, 0]].multiply(matrix[place[:, 1]]).sum(axis=1)).ravel()
    union = lengths[place[:, 0]] + lengths[place[:, 1]] - both
    return np.asarray(both / union, dtype=np.float64)
