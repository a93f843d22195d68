"""Temperature and novelty, against cases whose answer is known."""

import numpy as np
import pytest

from suffice.adapt import calibration


def test_overconfidence_is_undone():
    """Logits blown up threefold, drawn from the right probabilities, get a temperature of about 3."""
    draw = np.random.default_rng(0)
    logits = draw.standard_normal((4000, 5)) * 2
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    classes = np.array([draw.choice(5, p=row) for row in shares])

    assert 3.0 == pytest.approx(calibration.temperature(logits * 3, classes), rel=0.08)


def test_few_rows_that_are_all_right_do_not_make_certainty():
    """Ten right answers of ten are no reason to claim more than about 11 in 12."""
    logits = np.tile(np.array([[2.0, 0.0]]), (10, 1))
    scaled = np.exp(logits[0] / calibration.temperature(logits, np.zeros(10, np.int64)))

    assert 11 / 12 == pytest.approx(scaled[0] / scaled.sum(), abs=0.01)


def test_the_grid_rises_from_familiar_to_strange():
    """The quantiles run from the surest text to the least sure one."""
    grid = calibration.novelty_grid(np.array([[5.0, 0.0], [1.0, 3.0], [0.5, 0.0]]))

    assert (-5.0, -0.5) == (grid[0], grid[-1])
    assert (np.diff(grid) >= 0).all()
