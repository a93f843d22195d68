"""Lower bounds, budgets and planning: closed forms and simulated first passages."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.stats.betting import Wealth, log_wealth
from suffice.stats.bounds import (
    decision_information,
    kelly_fraction,
    kl_bernoulli,
    klinf,
    klinf_paired,
    lower_bound_n,
    ratio_to_bound,
)
from suffice.stats.budget import candidate_weights, look_alpha, look_alphas
from suffice.stats.mixtures import bernoulli_bets, cascade_bets
from suffice.stats.planning import expected_n, more_observations, zero_failure_n

RATES = st.floats(0.01, 0.99)


def test_information_of_a_decision() -> None:
    """kl(.95, .05) is 2.650 nats."""
    assert decision_information(0.05, 0.05) == pytest.approx(2.650, abs=5e-4)


@pytest.mark.parametrize(("gap", "expected"), [(0.01, 4_626), (0.02, 1_119), (0.05, 159)])
def test_published_sample_bounds(gap: float, expected: int) -> None:
    """The lower bounds for a bar of .9."""
    n = lower_bound_n(kl_bernoulli(0.9 + gap, 0.9), alpha=0.05, beta=0.05)
    assert n == pytest.approx(expected, abs=0.6)


@given(RATES, RATES)
def test_klinf_of_a_rate_is_the_binary_divergence(p: float, q: float) -> None:
    """On {0, 1} the dual maximum equals kl(p, q) above the bar, and 0 at or below it."""
    expected = kl_bernoulli(p, q) if p > q else 0.0
    assert klinf([0.0, 1.0], [1 - p, p], q) == pytest.approx(expected, abs=1e-7)


@given(st.floats(0.0, 0.3), st.floats(0.0, 0.3), st.floats(0.01, 0.2))
def test_no_bet_grows_faster_than_klinf(wins: float, losses: float, margin: float) -> None:
    """KLinf is the growth of the best bet, over a grid of bets."""
    law = np.array([losses, 1 - wins - losses, wins])
    grid = np.linspace(0, 1 / (1 - margin), 200, endpoint=False)
    growth = np.log1p(np.outer(grid, np.array([-1, 0, 1]) + margin)) @ law
    assert klinf_paired(wins, losses, margin) >= growth.max() - 1e-9


def test_perfect_agreement_is_bounded_by_the_zero_failure_rule() -> None:
    """With D = 0 always, KLinf is -ln(1 - margin): one agreement's worth of surprise."""
    assert klinf_paired(0.0, 0.0, 0.05) == pytest.approx(-math.log(0.95), rel=1e-6)
    assert kelly_fraction([-1.0, 0.0, 1.0], [0.0, 1.0, 0.0], -0.05) == pytest.approx(1 / 0.95)


def test_a_bound_that_says_nothing_gives_no_ratio() -> None:
    """At the bar the bound is infinite, and no ratio is printed."""
    assert math.isinf(lower_bound_n(0.0, alpha=0.05, beta=0.05))
    assert ratio_to_bound(100, math.inf) is None
    assert ratio_to_bound(150, 100) == pytest.approx(1.5)


def test_all_looks_together_spend_alpha() -> None:
    """The geometric shares of the looks sum to alpha and never more."""
    assert look_alpha(0.05, 1) == pytest.approx(0.04)
    assert sum(look_alphas(0.05, 60)) == pytest.approx(0.05)
    assert sum(look_alphas(0.05, 3)) < 0.05
    with pytest.raises(ValueError, match="counted from 1"):
        look_alpha(0.05, 0)


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=12))
def test_weights_are_a_distribution(prior: list[float]) -> None:
    """Any prior is scaled to sum to 1; none means equal weights."""
    assert sum(candidate_weights(len(prior), prior)) == pytest.approx(1)
    assert candidate_weights(4) == (0.25,) * 4
    with pytest.raises(ValueError, match="no weighting"):
        candidate_weights(2, [1.0, -1.0])


@pytest.mark.parametrize(("rate", "expected"), [(0.05, 59), (0.02, 149), (0.01, 299)])
def test_zero_failure_rule(rate: float, expected: int) -> None:
    """59, 149 and 299 rows without failure show 5%, 2% and 1%."""
    assert zero_failure_n(rate) == expected


def test_expected_rows_are_near_the_simulated_mean() -> None:
    """The estimate is within 35% of the mean first passage of 300 simulated streams."""
    bets = bernoulli_bets(0.8, design_gap=0.05)
    target = math.log(20)
    estimate = expected_n(bets, mean=0.86, variance=0.86 * 0.14, log_threshold=target)
    rows = np.random.default_rng(12).random((300, 3_000)) < 0.86
    crossed = log_wealth(rows, bets) >= target
    simulated = float(np.where(crossed.any(1), crossed.argmax(1) + 1, 3_000).mean())
    assert estimate == pytest.approx(simulated, rel=0.35)


def test_more_rows_fall_as_wealth_grows_and_end_at_zero() -> None:
    """The estimate shrinks as evidence arrives and is 0 once decided."""
    wealth = Wealth(bets=bernoulli_bets(0.8), log_threshold=math.log(20))
    moments = {"mean": 0.9, "variance": 0.09}
    first = more_observations(wealth, **moments)
    later = more_observations(wealth.update(np.ones(8)), **moments)
    assert first is not None
    assert later is not None
    assert 0 < later < first
    assert more_observations(wealth.update(np.ones(200)), **moments) == 0


def test_no_number_of_rows_decides_below_the_bar() -> None:
    """At an estimated mean below the bar there is no honest number to give."""
    wealth = Wealth(bets=bernoulli_bets(0.8), log_threshold=math.log(20))
    assert more_observations(wealth, mean=0.75, variance=0.1875) is None


def test_bets_for_a_horizon_stake_less_on_longer_ones() -> None:
    """The tuned fraction falls like 1 / sqrt(n)."""
    short, long = (cascade_bets(0.05, variance=0.2, horizon=n, alpha=0.1).fractions[1] for n in (400, 1_600))
    assert short == pytest.approx(2 * long)
    with pytest.raises(ValueError, match="impossible"):
        cascade_bets(0.05, variance=0.2, horizon=0, alpha=0.1)
