"""Macro-F1 and recall at a false-alarm rate: exact by class, honest about empty ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import f1_score

from suffice.stats.intervals import clopper_pearson_lower
from suffice.stats.rates import macro_f1, recall_at_false_alarm


def test_macro_f1_agrees_with_sklearn() -> None:
    """The estimate is the usual macro-F1 where every class occurs."""
    rng = np.random.default_rng(18)
    truth = rng.integers(0, 4, 200)
    predicted = np.where(rng.random(200) < 0.7, truth, rng.integers(0, 4, 200))
    found = macro_f1(truth.tolist(), predicted.tolist(), classes=range(4))
    assert found.estimate == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert found.lower < found.estimate < found.upper
    assert found.n == 200


def test_one_class_is_clopper_pearson_on_its_jaccard_index() -> None:
    """With 9 hits of 10 rows touched, the bound is 2J / (1 + J) of the exact bound of J."""
    truth, predicted = ["a"] * 10 + ["b"] * 5, ["a"] * 9 + ["b"] * 6
    found = macro_f1(truth, predicted, classes=["a"], delta=0.05)
    jaccard = clopper_pearson_lower(9, 10, 0.05)
    assert found.lower == pytest.approx(2 * jaccard / (1 + jaccard))
    assert found.classes[0].hits == 9
    assert found.classes[0].touched == 10


def test_a_class_without_rows_is_not_measured() -> None:
    """It has no estimate and bounds nothing; the bounds over all classes say so."""
    found = macro_f1(["a"] * 50, ["a"] * 50, classes=["a", "never"])
    assert found.classes[1].estimate is None
    assert (found.classes[1].lower, found.classes[1].upper) == (0.0, 1.0)
    assert found.estimate == 1.0
    assert found.lower < 0.5
    assert macro_f1([], [], classes=["a"]).estimate is None


def test_macro_f1_bounds_miss_at_most_delta() -> None:
    """In 300 samples of three classes the truth is below the lower bound at most 5% of the time.

    At a true 5%, more than 25 misses in 300 happen less than once in 100 times.
    """
    rng = np.random.default_rng(19)
    joint = np.array([[0.45, 0.03, 0.02], [0.04, 0.25, 0.01], [0.05, 0.05, 0.10]])
    touched = joint.sum(0) + joint.sum(1) - np.diag(joint)
    jaccard = np.diag(joint) / touched
    truth_value = float(np.mean(2 * jaccard / (1 + jaccard)))
    misses = 0
    for _ in range(300):
        cells = rng.choice(9, size=80, p=joint.ravel())
        found = macro_f1((cells // 3).tolist(), (cells % 3).tolist(), classes=range(3))
        misses += truth_value < found.lower
    assert misses <= 25


def test_both_bars_must_be_met() -> None:
    """Good recall with too many false alarms fails, and the other way round."""
    bars = {"recall_bar": 0.8, "false_alarm_bar": 0.1}
    assert recall_at_false_alarm((98, 100), (2, 200), **bars).passed
    assert not recall_at_false_alarm((98, 100), (30, 200), **bars).passed
    assert not recall_at_false_alarm((80, 100), (2, 200), **bars).passed


def test_the_joint_test_keeps_alpha_where_one_bar_is_missed() -> None:
    """Exactly at the recall bar and far inside the other: the error is at most alpha."""
    hits = np.arange(101)
    passed = [
        recall_at_false_alarm((int(k), 100), (0, 500), recall_bar=0.8, false_alarm_bar=0.1).passed
        for k in hits
    ]
    assert float(binom.pmf(hits, 100, 0.8) @ np.array(passed)) <= 0.05


def test_no_positive_row_shows_no_recall() -> None:
    """Without a positive the recall is not measured and cannot pass."""
    found = recall_at_false_alarm((0, 0), (0, 500), recall_bar=0.5, false_alarm_bar=0.1)
    assert (found.recall, found.recall_lower, found.passed) == (None, 0.0, False)


def test_impossible_inputs_are_refused() -> None:
    """No class, lengths that differ, counts that do not fit."""
    with pytest.raises(ValueError, match="at least one class"):
        macro_f1([], [], classes=[])
    with pytest.raises(ValueError, match="predictions"):
        macro_f1(["a"], [], classes=["a"])
    with pytest.raises(ValueError, match="no counts"):
        recall_at_false_alarm((2, 1), (0, 1), recall_bar=0.5, false_alarm_bar=0.5)
