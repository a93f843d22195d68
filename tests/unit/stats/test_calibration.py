"""Calibration, ranking, routing curves and the frontier against independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from suffice.stats.calibration import (
    auroc_of_error,
    brier,
    expected_calibration_error,
    risk_coverage,
)
from suffice.stats.routing import (
    apgr,
    call_share_for_gap,
    call_share_for_quality,
    routing_curve,
)

RNG = np.random.default_rng(20)
CONFIDENCE = np.round(RNG.random(300), 2)
RIGHT = RNG.random(300) < CONFIDENCE


def test_scores_agree_with_sklearn() -> None:
    """Brier score and AUROC, with ties, equal an independent implementation."""
    assert brier(CONFIDENCE, RIGHT) == pytest.approx(brier_score_loss(RIGHT, CONFIDENCE))
    assert auroc_of_error(CONFIDENCE, RIGHT) == pytest.approx(roc_auc_score(RIGHT, CONFIDENCE))


def test_nothing_to_rank_is_not_a_number() -> None:
    """Where every answer is right there is no AUROC, rather than 0 or 1."""
    assert auroc_of_error([0.2, 0.8], [True, True]) is None


def test_calibration_error_of_two_bins_by_hand() -> None:
    """Bins {.1, .3} all wrong and {.7, .9} all right: (.2 + .2) / 2."""
    found = expected_calibration_error([0.1, 0.3, 0.7, 0.9], [0, 0, 1, 1], bins=2)
    assert found == pytest.approx(0.2)
    assert expected_calibration_error([0.5] * 4, [0, 1, 0, 1], bins=1) == pytest.approx(0.0)


def test_risk_rises_with_coverage_for_a_good_confidence() -> None:
    """One wrong answer, least confident: no risk until it is answered."""
    found = risk_coverage([0.9, 0.8, 0.7, 0.1], [1, 1, 1, 0])
    assert found.risk.tolist() == [0.0, 0.0, 0.0, 0.25]
    assert found.coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert found.area == pytest.approx(0.0625)


def test_equal_confidences_share_their_risk() -> None:
    """The order of rows within a tie does not matter."""
    right = [1, 0, 1, 0]
    assert risk_coverage([0.5] * 4, right).area == pytest.approx(0.5)
    assert risk_coverage([0.5] * 4, right[::-1]).area == pytest.approx(0.5)


def test_random_routing_recovers_half_of_the_gap() -> None:
    """One score for all rows is routing at random: APGR is exactly one half."""
    weak, strong = RNG.random(200) < 0.5, np.ones(200)
    assert apgr(np.zeros(200), weak, strong) == pytest.approx(0.5)


def test_a_perfect_router_by_hand() -> None:
    """Two of four rows gain: half of the calls recover the whole gap."""
    weak, strong = [1, 1, 0, 0], [1, 1, 1, 1]
    curve = routing_curve([0, 0, 1, 1], weak, strong)
    assert curve.strong_share.tolist() == [0.0, 0.5, 1.0]
    assert curve.quality.tolist() == [0.5, 1.0, 1.0]
    assert apgr([0, 0, 1, 1], weak, strong) == pytest.approx(0.75)
    assert call_share_for_gap(curve, 0.5) == pytest.approx(0.25)
    assert call_share_for_quality(curve, 0.75) == pytest.approx(0.25)
    assert call_share_for_gap(curve, 1.5) is None
    assert call_share_for_quality(curve, 0.5) == 0.0


def test_no_gap_no_recovery() -> None:
    """A strong model that is not better has no gap to recover."""
    with pytest.raises(ValueError, match="no gap"):
        apgr([0, 1], [1, 1], [1, 0])


def test_inputs_that_do_not_pair_are_refused() -> None:
    """Shapes that differ, no rows, and confidences that are not finite."""
    with pytest.raises(ValueError, match="equal"):
        brier([0.1], [1, 0])
    with pytest.raises(ValueError, match="finite"):
        brier([float("nan")], [1])
    with pytest.raises(ValueError, match="bins"):
        expected_calibration_error([0.1], [1], bins=0)
    with pytest.raises(ValueError, match="finite"):
        routing_curve([float("inf")], [1], [1])
    with pytest.raises(ValueError, match="equal"):
        routing_curve([0.0], [1, 0], [1, 0])
