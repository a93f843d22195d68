"""Fitting a chain: the gradient against trying all paths, and what is learnt."""

import itertools
import math

import numpy as np
import pytest

from suffice.adapt.tagger import crf
from suffice.models.tagger.chain import best_tags


def negative_log_likelihood(scores, tags, transition):
    """Returns the loss of one text, all paths tried one by one."""
    labels = scores.shape[1]

    def worth(path):
        return sum(scores[t, tag] for t, tag in enumerate(path)) + sum(
            transition[one, two] for one, two in zip((0, *path), path, strict=False)
        )

    total = sum(math.exp(worth(path)) for path in itertools.product(range(labels), repeat=len(tags)))
    return math.log(total) - worth(tags)


def test_the_gradient_is_that_of_the_likelihood():
    """Expected less observed counts are the derivatives of the loss, for texts of unequal length."""
    rng = np.random.default_rng(0)
    labels, lengths = 3, np.array([2, 4, 1])
    scores = rng.normal(size=(7, labels)).astype(np.float32)
    transition = rng.normal(size=(labels, labels)).astype(np.float32)
    tags = rng.integers(0, labels, 7)
    starts = np.cumsum(lengths) - lengths

    def loss(at, steps):
        return sum(
            negative_log_likelihood(at[a : a + n].astype(float), tuple(tags[a : a + n]), steps.astype(float))
            for a, n in zip(starts, lengths, strict=True)
        )

    words, pairs = crf._errors(scores, lengths, tags, transition)
    step = 1e-3
    for index in np.ndindex(scores.shape):
        moved = scores.copy()
        moved[index] += step
        assert (
            pytest.approx((loss(moved, transition) - loss(scores, transition)) / step, abs=2e-2)
            == words[index]
        )
    for index in np.ndindex(transition.shape):
        moved = transition.copy()
        moved[index] += step
        assert (
            pytest.approx((loss(scores, moved) - loss(scores, transition)) / step, abs=2e-2) == pairs[index]
        )


def test_a_chain_learns_what_follows_what():
    """Words that say nothing are tagged by what stood before: only transitions can know that."""
    rng = np.random.default_rng(1)
    texts = []
    for _ in range(200):
        first = int(rng.integers(0, 2))
        texts.append(([[first], [2], [2]], [1 + first] * 3))
    tagged = crf.Tagged(
        features=[[np.array(word) for word in words] for words, _ in texts],
        tags=[np.array(tags) for _, tags in texts],
    )
    heard = []
    chain = crf.fit(
        tagged,
        features=3,
        allowed=np.ones((3, 3), bool),
        settings=crf.FitSettings(epochs=20, dropout=0.0),
        seed=0,
        heard=heard.append,
    )
    for first in (0, 1):
        tags, log_probability = best_tags(chain.emission[[first, 2]], chain.transition)
        assert [1 + first, 1 + first] == tags
        assert log_probability > math.log(0.8)
    assert sorted(heard) == heard


def test_what_may_not_follow_never_does():
    """A forbidden step has no weight that could allow it."""
    allowed = np.array([[True, True], [True, False]])
    tagged = crf.Tagged(features=[[np.array([0]), np.array([0])]] * 4, tags=[np.array([1, 0])] * 4)
    chain = crf.fit(
        tagged, features=1, allowed=allowed, settings=crf.FitSettings(epochs=2), seed=0, heard=lambda _: None
    )
    strong = np.array([[0, 50], [0, 50]], dtype=np.float32)
    assert best_tags(strong, chain.transition)[0] in ([1, 0], [0, 1])


def test_vectors_are_learnt_from_beside_features():
    """Words without a single known feature are tagged by their vectors."""
    rng = np.random.default_rng(2)
    vectors = [rng.normal(size=(4, 3)).astype(np.float16) for _ in range(100)]
    tags = [(rows[:, 0] > 0).astype(np.int64) for rows in vectors]
    nothing = [np.empty(0, np.int64)] * 4
    chain = crf.fit(
        crf.Tagged(features=[nothing] * 100, tags=tags, vectors=vectors),
        features=0,
        allowed=np.ones((2, 2), bool),
        settings=crf.FitSettings(epochs=40, batch=16, dense_rate=0.05),
        seed=0,
        heard=lambda _: None,
    )
    new = rng.normal(size=(200, 3)).astype(np.float32)
    found = np.array([best_tags(row[None] @ chain.dense, chain.transition)[0][0] for row in new])
    assert (found == (new[:, 0] > 0)).mean() > 0.95
    assert (0, 2) == chain.emission.shape
