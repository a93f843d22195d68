"""Judge labels as a control variate: unbiased with any judge, fewer labels with a good one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from suffice.stats.prediction_powered import JudgePlan, powered_log_wealth, powered_observations


@pytest.mark.parametrize(("reliance", "expected"), [(1.0, 0.775), (0.5, 0.7625)])
def test_the_mean_is_the_prediction_powered_estimate(reliance: float, expected: float) -> None:
    """The mean of Z is the point estimate ppi-python 0.2.3 gives for the same numbers."""
    labels = [1, 1, 0, 1, 0, 1, 1, 1]
    predictions = [0.9, 0.8, 0.3, 0.6, 0.4, 0.7, 0.95, 0.2]
    pool = [0.5, 0.6, 0.7, 0.8, 0.9, 0.4, 0.3, 0.2, 0.95, 0.85, 0.75, 0.65, 0.1, 0.9, 0.8, 0.7]
    found = powered_observations(labels, predictions, np.reshape(pool, (8, 2)), reliance=reliance)
    assert float(found.mean()) == pytest.approx(expected)


def streams(
    mean: float, quality: float, n: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, judge labels right with probability `quality`, and four fresh judge labels each."""
    truth = rng.random((5, n)) < mean
    judged = np.where(rng.random((5, n)) < quality, truth, ~truth)
    return truth[0].astype(float), judged[0].astype(float), judged[1:].T.astype(float)


def labels_used(plan: JudgePlan, quality: float, seed: int) -> float:
    """Mean number of labels until the e-value reaches 20."""
    rng = np.random.default_rng(seed)
    used = []
    for _ in range(60):
        path = powered_log_wealth(*streams(0.9, quality, 1_500, rng), plan=plan) >= math.log(20)
        used.append(int(path.argmax()) + 1 if path.any() else 1_500)
    return float(np.mean(used))


def test_a_good_judge_saves_labels_and_a_random_one_costs_few() -> None:
    """Against labels alone: fewer with a judge right 98% of the time, at most 60% more with a coin."""
    alone = JudgePlan(bar=0.8, reliances=(0.0,), weights=(1.0,))
    with_judge = JudgePlan(bar=0.8)
    baseline = labels_used(alone, 0.98, 21)
    assert labels_used(with_judge, 0.98, 21) < 0.9 * baseline
    assert labels_used(with_judge, 0.5, 21) < 1.6 * baseline


@pytest.mark.slow
@pytest.mark.parametrize("quality", [0.0, 0.5, 0.95])
def test_no_judge_can_break_the_guarantee(quality: float) -> None:
    """At the bar, with an adversarial, a random or a good judge: 300 streams, looked at always.

    At a true 5% more than 26 false alarms in 300 happen less than once in 200 times.
    """
    rng = np.random.default_rng(22)
    plan = JudgePlan(bar=0.8)
    false = sum(
        bool((powered_log_wealth(*streams(0.8, quality, 200, rng), plan=plan) >= math.log(20)).any())
        for _ in range(300)
    )
    assert false <= 26


def test_shapes_that_do_not_pair_are_refused() -> None:
    """Every label needs its prediction and its own unlabelled rows."""
    with pytest.raises(ValueError, match="do not match"):
        powered_observations([1.0], [0.5, 0.5], [[0.5]], reliance=1.0)
    with pytest.raises(ValueError, match="at least one unlabelled"):
        powered_observations([1.0], [0.5], np.empty((1, 0)), reliance=1.0)
    with pytest.raises(ValueError, match="one weight"):
        JudgePlan(bar=0.5, reliances=(0.0,), weights=(0.5, 0.5))
    with pytest.raises(ValueError, match="empty"):
        JudgePlan(bar=0.5, prediction_low=1.0, prediction_high=0.0)
