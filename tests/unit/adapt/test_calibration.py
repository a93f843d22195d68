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


def test_novelty_is_a_twentieth_in_the_middle_and_a_half_at_the_edge():
    """Half of the dev texts have less than 1/20, and a twentieth of them more than 1/2."""
    logits = np.stack([np.linspace(1, 9, 1001), np.zeros(1001)], axis=1)
    found = calibration.calibrated(logits, np.zeros(1001, np.int64))

    assert 0.05 == pytest.approx(found.novelty(5.0))
    assert 0.5 == pytest.approx(found.novelty(1.4))
    assert found.novelty(-9.0) > 0.99


def test_dev_texts_that_are_all_alike_give_a_novelty():
    """Without any spread the curve is a step, not a division by zero."""
    found = calibration.calibrated(np.array([[2.0, 0.0]] * 3), np.zeros(3, np.int64))

    assert 0.5 == found.novelty(2.0)
    assert 1.0 == pytest.approx(found.novelty(1.0))
    assert 0.0 == pytest.approx(found.novelty(3.0))
