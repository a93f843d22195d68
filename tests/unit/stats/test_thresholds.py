"""Cascade thresholds: data-independent grids, the walk that stops, and its error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapie.risk_control import FWERFixedSequenceTesting, control_fwer
from scipy.stats import binom

from suffice.stats.mixtures import bernoulli_bets, cascade_bets
from suffice.stats.thresholds import (
    certify_anytime,
    certify_fixed_n,
    system_outcomes,
    threshold_grid,
)


def cascade(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scores and paired differences of a small model that is worse where its score is low."""
    scores = rng.random(n)
    loss = rng.random(n) < 0.25 * (1 - scores) ** 2
    win = ~loss & (rng.random(n) < 0.03)
    return scores, win.astype(float) - loss.astype(float)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=60), st.integers(1, 40))
def test_the_grid_runs_from_cautious_to_bold(scores: list[float], steps: int) -> None:
    """Thresholds fall strictly, are observed scores, and the last keeps everything."""
    grid = threshold_grid(scores, steps=steps)
    assert list(grid) == sorted(set(grid), reverse=True)
    assert set(grid) <= set(scores)
    assert grid[-1] == min(scores)
    assert len(grid) <= steps


def test_the_grid_keeps_about_equal_steps() -> None:
    """Step k of 20 keeps about k / 20 of the traffic it was built from."""
    scores = np.random.default_rng(13).random(4_000)
    grid = threshold_grid(scores, steps=20)
    kept = (scores[None, :] >= np.array(grid)[:, None]).mean(axis=1)
    assert kept == pytest.approx(np.arange(1, 21) / 20, abs=0.001)


def test_escalated_rows_have_the_outcome_of_the_reference() -> None:
    """Kept rows show the small model, the rest whatever passing up gives."""
    found = system_outcomes([0.9, 0.1], [0.5, 0.0], kept=[-1.0, 1.0])
    assert found.tolist() == [[-1.0, 0.0], [-1.0, 1.0]]
    absolute = system_outcomes([0.9, 0.1], [0.5], kept=[0.0, 0.0], escalated=[0.0, 1.0])
    assert absolute.tolist() == [[0.0, 1.0]]


def test_the_walk_stops_at_the_first_failure() -> None:
    """A bolder threshold that looks good again is never reached."""
    good, bad = np.zeros(200), -np.ones(200)
    outcome = certify_fixed_n([good, bad, good], bar=-0.05, low=-1, alpha=0.05)
    assert outcome.chosen == 0
    assert [step.certified for step in outcome.steps] == [True, False]


def test_nothing_is_certified_on_too_few_rows() -> None:
    """Ten rows cannot show a margin of 1%, however good they look."""
    outcome = certify_fixed_n(np.zeros((5, 10)), bar=-0.01, low=-1, alpha=0.05)
    assert outcome.chosen is None
    assert len(outcome.steps) == 1


def test_the_walk_agrees_with_mapie_on_the_same_p_values() -> None:
    """Fixed-sequence testing picks what an independent implementation picks."""
    rng = np.random.default_rng(14)
    for _ in range(20):
        rates = np.sort(rng.uniform(0.86, 0.97, size=12))[::-1]
        rows = (rng.random((12, 300)) < rates[:, None]).astype(float)
        p_values = binom.sf(rows.sum(axis=1) - 1, 300, 0.9)
        theirs = control_fwer(p_values, delta=0.1, fwer_method=FWERFixedSequenceTesting())
        ours = certify_fixed_n(rows, bar=0.9, low=0, alpha=0.1)
        certified = [step.index for step in ours.steps if step.certified]
        assert certified == list(theirs)


def test_exact_and_bets_both_find_a_deep_threshold() -> None:
    """On a clear cascade both certify, and the single look goes at least as deep."""
    rng = np.random.default_rng(15)
    dev, _ = cascade(2_000, rng)
    grid = threshold_grid(dev, steps=25)
    scores, differences = cascade(1_500, rng)
    rows = system_outcomes(scores, grid, kept=differences)
    exact = certify_fixed_n(rows, bar=-0.03, low=-1, alpha=0.1)
    bets = [cascade_bets(0.03, variance=0.1 * (k + 1) / 25, horizon=1_500, alpha=0.1) for k in range(25)]
    anytime = certify_anytime(rows, bets=bets, alpha=0.1)
    assert exact.chosen is not None
    assert anytime.chosen is not None
    assert exact.chosen >= anytime.chosen >= 5
    assert (exact.method, anytime.method) == ("exact", "betting")


@settings(max_examples=15, deadline=None)
@given(st.integers(50, 400))
def test_more_rows_never_shorten_the_anytime_walk(cut: int) -> None:
    """Evidence is kept: what bets have certified stays certified on a longer stream."""
    scores, differences = cascade(400, np.random.default_rng(16))
    grid = threshold_grid(np.linspace(0, 1, 101), steps=10)
    rows = system_outcomes(scores, grid, kept=differences)
    bets = [cascade_bets(0.05, variance=0.08, horizon=400, alpha=0.1)] * len(grid)
    early = certify_anytime(rows[:, :cut], bets=bets, alpha=0.1).chosen
    late = certify_anytime(rows, bets=bets, alpha=0.1).chosen
    assert (-1 if late is None else late) >= (-1 if early is None else early)


@pytest.mark.slow
def test_a_wrong_threshold_is_certified_at_most_alpha_often() -> None:
    """Every threshold of the grid is exactly at the margin or worse: 120 certifications.

    At a true rate of 10% more than 21 wrong ones in 120 happen less than once in 100 times.
    """
    rng = np.random.default_rng(17)
    wrong = 0
    for _ in range(120):
        step = rng.choice([1.0, 0.0, -1.0], size=300, p=[0.05, 0.85, 0.10])
        rows = np.stack([step, np.minimum(step, np.where(rng.random(300) < 0.05, -1, 1))])
        wrong += certify_fixed_n(rows, bar=-0.05, low=-1, alpha=0.1).chosen is not None
    assert wrong <= 21


def test_outcomes_of_another_kind_are_refused() -> None:
    """The exact test needs whole outcomes, one mixture per threshold, and rows."""
    with pytest.raises(ValueError, match="certify_anytime"):
        certify_fixed_n([[0.5]], bar=0.4, low=0, alpha=0.05)
    with pytest.raises(ValueError, match="expected -1"):
        certify_fixed_n([[0.0]], bar=0.4, low=-2, alpha=0.05)
    with pytest.raises(ValueError, match="no row"):
        certify_fixed_n(np.empty((2, 0)), bar=0.4, low=0, alpha=0.05)
    with pytest.raises(ValueError, match="mixtures"):
        certify_anytime([[1.0], [1.0]], bets=[bernoulli_bets(0.9)], alpha=0.05)
    with pytest.raises(ValueError, match="finite"):
        threshold_grid([])
