"""Near-duplicates: found as brute force finds them, quickly, and the same every time."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.readers.near_duplicates import clusters


def shingles(text: str) -> set[str]:
    """Returns the set of 5-grams, by the definition."""
    folded = " ".join(text.lower().split()).ljust(5)
    return {folded[start : start + 5] for start in range(len(folded) - 4)}


def by_brute_force(texts: list[str], threshold: float) -> list[int]:
    """Returns clusters by comparing each with each."""
    sets = [shingles(text) for text in texts]
    root = list(range(len(texts)))
    for i in range(len(texts)):
        for j in range(i):
            if len(sets[i] & sets[j]) / len(sets[i] | sets[j]) >= threshold:
                low, high = sorted((root[i], root[j]))
                root = [low if value == high else value for value in root]
    return root


def variations(seed: int, count: int) -> list[str]:
    """Returns texts with near-duplicates at many similarities: words dropped, changed, doubled."""
    random = np.random.default_rng(seed)
    words = ["".join(random.choice(list("abcdefghij"), 6)) for _ in range(60)]
    texts: list[str] = []
    for number in range(count):
        if number % 3 == 0 or not texts:
            texts.append(" ".join(random.choice(words, random.integers(8, 20))))
        else:
            picked = texts[int(random.integers(len(texts)))].split()
            picked[int(random.integers(len(picked)))] = str(random.choice(words))
            texts.append(" ".join(picked))
    return texts


@pytest.mark.parametrize("seed", range(3))
def test_clusters_equal_those_of_brute_force(seed: int) -> None:
    """On 200 texts with many near-duplicates no pair is missed and none is invented."""
    texts = variations(seed, 200)
    expected = by_brute_force(texts, 0.8)
    assert len(set(expected)) < 190
    assert expected == clusters(texts, threshold=0.8).tolist()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=12), max_size=12))
def test_any_texts_are_clustered(texts: list[str]) -> None:
    """Empty, short, astral and broken texts: each row gets the lowest index of its cluster."""
    found = clusters(texts)
    assert len(texts) == len(found)
    assert all(found[root] == root <= index for index, root in enumerate(found))
    same = {}
    for index, text in enumerate(texts):
        assert found[same.setdefault(" ".join(text.lower().split()), index)] == found[index]


@pytest.mark.slow
def test_long_texts_are_compared_by_sketch() -> None:
    """Two texts of 160,000 characters that differ in one word are tied, an unrelated one is not."""
    random = np.random.default_rng(1)
    words = np.array(["".join(random.choice(list("abcdefghijklmnop"), 7)) for _ in range(20_000)])
    one, other = " ".join(words), " ".join(random.permutation(words))
    changed = one.replace(str(words[100]), "changed")
    assert [0, 0, 2] == clusters([one, changed, other[: len(other) // 2]]).tolist()


@pytest.mark.slow
def test_a_crowd_of_templates_stays_cheap() -> None:
    """1,500 texts from one template end in one cluster without comparing each with each."""
    texts = [
        f"please tell me the balance of the savings account number {n} as of today, thank you"
        for n in range(1500)
    ]
    started = time.process_time()
    assert {0} == set(clusters(texts).tolist())
    assert time.process_time() - started < 6


@pytest.mark.slow
def test_twenty_thousand_short_texts_take_seconds() -> None:
    """About 2.5 s of processor time, two thirds near-duplicates; the limit allows for a busy machine."""
    texts = variations(5, 20_000)
    started = time.process_time()
    found = clusters(texts)
    assert time.process_time() - started < 12
    assert len(set(found.tolist())) < 20_000
