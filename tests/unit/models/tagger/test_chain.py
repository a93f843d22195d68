"""The best tags of a text, against trying them all."""

import itertools
import math

import numpy as np
import pytest

from suffice.models.tagger.chain import best_tags


@pytest.mark.parametrize("seed", range(5))
def test_best_tags_and_their_probability_are_those_of_all_paths(seed):
    """Every path scored one by one gives the same winner and the same share."""
    rng = np.random.default_rng(seed)
    n, labels = 4, 3
    scores = rng.normal(0, 2, (n, labels)).astype(np.float32)
    transition = rng.normal(0, 2, (labels, labels)).astype(np.float32)
    transition[0, 2] = -1e4

    def worth(path):
        steps = zip((0, *path), path, strict=False)
        return sum(float(scores[t, tag]) for t, tag in enumerate(path)) + sum(
            float(transition[one, two]) for one, two in steps
        )

    paths = {path: worth(path) for path in itertools.product(range(labels), repeat=n)}
    best = max(paths, key=paths.get)
    mass = math.log(sum(math.exp(value) for value in paths.values()))
    tags, log_probability = best_tags(scores, transition)
    assert list(best) == tags
    assert pytest.approx(paths[best] - mass, abs=1e-4) == log_probability


def test_a_text_without_words_has_no_tags():
    """And that is certain."""
    assert ([], 0.0) == best_tags(np.empty((0, 3), np.float32), np.zeros((3, 3), np.float32))
