"""Paired non-inferiority: labels only where outputs differ, in one stage or two, and exactly."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, multinomial

from suffice.stats.betting import Wealth
from suffice.stats.intervals import clopper_pearson_upper
from suffice.stats.mixtures import paired_bets
from suffice.stats.paired import paired_differences, two_stage
from suffice.stats.paired_exact import critical_losses, paired_p_value, rejects


def test_differences_are_win_tie_and_loss() -> None:
    """D is 1 where only the candidate is right, -1 where only the reference is, else 0."""
    found = paired_differences([True, True, False, False], [True, False, True, False])
    assert found.tolist() == [0.0, 1.0, -1.0, 0.0]
    with pytest.raises(ValueError, match="paired"):
        paired_differences([True], [True, False])


def test_agreements_raise_the_wealth_without_a_label() -> None:
    """A row where both answers are the same is evidence: each factor is 1 + lam margin."""
    bets = paired_bets(0.05, disagreement=0.1)
    wealth = Wealth(bets=bets).update(np.zeros(10))
    by_hand = [
        10 * math.log1p(f * 0.05) + math.log(w) for f, w in zip(bets.fractions, bets.weights, strict=True)
    ]
    assert wealth.log_e == pytest.approx(np.logaddexp.reduce(by_hand))
    assert wealth.log_e > 0


@given(st.permutations([0.0] * 12 + [1.0] * 3 + [-1.0]))
def test_where_the_agreements_come_does_not_matter(values: list[float]) -> None:
    """The final wealth is the same for every order of agreements and disagreements."""
    bets = paired_bets(0.05, disagreement=0.2)
    sorted_wealth = Wealth(bets=bets).update(sorted(values)).log_e
    assert Wealth(bets=bets).update(values).log_e == pytest.approx(sorted_wealth)


def test_two_stages_split_one_alpha() -> None:
    """The bound takes its share of alpha, the bet the rest, and the bar is -margin / d_U."""
    stage = two_stage(500, 5_000, margin=0.02, alpha=0.05, bound_share=0.2)
    assert stage.disagreement_upper == clopper_pearson_upper(500, 5_000, 0.01)
    assert stage.bound_alpha + stage.bet_alpha == pytest.approx(0.05)
    assert stage.bets is not None
    assert stage.bets.bar == pytest.approx(-0.02 / stage.disagreement_upper)
    assert stage.start().log_threshold == pytest.approx(math.log(1 / 0.04))


def test_few_disagreements_need_no_label() -> None:
    """When even the bound of the disagreement rate is within the margin, the drop is too."""
    stage = two_stage(10, 5_000, margin=0.02, alpha=0.05)
    assert stage.needs_no_label
    with pytest.raises(ValueError, match="nothing left"):
        stage.start()


def test_two_stage_reaches_the_published_label_count() -> None:
    """D = 10%, margin 2%, as good as the reference: at most 150 labels on average."""
    rng = np.random.default_rng(11)
    stage = two_stage(2_000, 20_000, margin=0.02, alpha=0.05)
    labels = []
    for _ in range(150):
        differences = rng.choice([1.0, 0.0, -1.0], size=2_000, p=[0.35, 0.3, 0.35])
        crossed = stage.start().update(differences).crossed_at
        labels.append(crossed or 2_000)
    assert np.mean(labels) <= 150


def test_exact_test_never_exceeds_alpha_by_full_enumeration() -> None:
    """For 12 rows, all outcomes are enumerated at 60 nuisance rates: the size is at most alpha."""
    n, margin, alpha = 12, 0.2, 0.1
    counts = [(b, c) for b, c in itertools.product(range(n + 1), repeat=2) if b + c <= n]
    wins, losses = np.array(counts).T
    decided = rejects(wins, losses, n, margin=margin, alpha=alpha)
    assert decided.any()
    triples = np.column_stack([wins, losses, n - wins - losses])
    for rate in np.linspace(0, 0.3999, 60):
        masses = multinomial.pmf(triples, n, [rate, rate + margin, 1 - 2 * rate - margin])
        assert float(masses @ decided) <= alpha


@pytest.mark.parametrize(("n", "margin"), [(150, 0.05), (400, 0.02)])
def test_exact_test_uses_nearly_all_of_alpha(n: int, margin: float) -> None:
    """At a moderate win rate the size is between 80% and 100% of alpha: little power is wasted."""
    most = np.array(critical_losses(n, margin, 0.1))
    rate = 0.1
    wins = np.arange(n + 1)
    given_wins = binom.cdf(most, n - wins, (rate + margin) / (1 - rate))
    size = float(binom.pmf(wins, n, rate) @ given_wins)
    assert 0.08 <= size <= 0.1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 25), st.integers(0, 25))
def test_exact_p_value_and_decision_agree(wins: int, losses: int) -> None:
    """A p-value clearly below alpha is a rejection, one clearly above is not."""
    p_value = paired_p_value(wins, losses, 60, 0.1)
    decided = bool(rejects(wins, losses, 60, margin=0.1, alpha=0.05))
    if p_value < 0.049:
        assert decided
    if p_value > 0.0505:
        assert not decided


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40))
def test_exact_p_value_falls_with_wins_and_rises_with_losses(wins: int, losses: int) -> None:
    """More wins are more evidence, more losses less."""
    here = paired_p_value(wins, losses, 100, 0.05)
    assert paired_p_value(wins + 1, losses, 100, 0.05) <= here + 1e-9
    assert paired_p_value(wins, losses + 1, 100, 0.05) >= here - 1e-9


def test_exact_test_of_no_disagreement_is_the_zero_failure_rule() -> None:
    """Without wins and losses, n rows show a margin when (1 - margin)^n <= alpha, as for rates."""
    assert not rejects(0, 0, 58, margin=0.05, alpha=0.05)
    assert rejects(0, 0, 61, margin=0.05, alpha=0.05)


def test_impossible_tests_are_refused() -> None:
    """Counts that do not fit and margins outside (0, 1) are errors."""
    with pytest.raises(ValueError, match="impossible"):
        critical_losses(0, 0.1, 0.05)
    with pytest.raises(ValueError, match="margin"):
        paired_p_value(3, 3, 5, 0.1)
    with pytest.raises(ValueError, match="margin"):
        two_stage(1, 10, margin=0.0, alpha=0.05)
