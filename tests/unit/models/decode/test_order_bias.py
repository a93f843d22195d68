"""Order bias: none for a scorer that ignores the order, all for one that looks at nothing else."""

import numpy as np
import pytest

from suffice.errors import DataError
from suffice.models.decode.order_bias import order_bias

LABELS = ("a", "b", "c", "d")


def test_a_scorer_that_ignores_the_order_has_none():
    """Every order gives the same probabilities."""
    rows = np.random.default_rng(0).dirichlet(np.ones(4), size=20)
    found = order_bias(lambda _: rows, LABELS, orders=5)
    assert (20, 5, 0, 0.0) == (found.texts, found.orders, found.flipped, found.mean_shift)


def test_a_scorer_that_says_the_first_label_has_all_of_it():
    """It is wrong with every shuffle that moves the first label, and says the first label always."""

    def first(order: tuple[str, ...]) -> np.ndarray:
        row = np.array([float(label == order[0]) for label in LABELS])
        return np.tile(row, (10, 1))

    found = order_bias(first, LABELS, orders=6, seed=1)
    assert 10 == found.flipped
    assert 0.75 == found.first_gain
    assert 0.5 < found.mean_shift <= 1.0


def test_no_texts_are_refused():
    """A share of nothing is no number."""
    with pytest.raises(DataError):
        order_bias(lambda _: np.empty((0, 4)), LABELS)
