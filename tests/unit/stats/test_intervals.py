"""Intervals: textbook values, independent implementations, coverage, honest edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from suffice.stats.intervals import (
    betting,
    clopper_pearson,
    clopper_pearson_lower,
    clopper_pearson_upper,
    paired_difference,
    tango_score,
    wilson,
)

COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS, st.sampled_from([0.8, 0.95, 0.99]))
def test_rates_agree_with_statsmodels(counts: tuple[int, int], level: float) -> None:
    """Clopper-Pearson and Wilson equal an independent implementation."""
    k, n = counts
    for ours, name in ((clopper_pearson(k, n, level), "beta"), (wilson(k, n, level), "wilson")):
        low, high = proportion_confint(k, n, alpha=1 - level, method=name)
        assert ours.lower == pytest.approx(max(0.0, float(low)), abs=1e-9)
        assert ours.upper == pytest.approx(min(1.0, float(high)), abs=1e-9)


def test_zero_failures_have_the_closed_form() -> None:
    """No failure in 59 rows bounds the rate by 1 - 0.05^(1/59), just under 5%."""
    assert clopper_pearson_upper(0, 59, 0.05) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert clopper_pearson_upper(59, 59, 0.05) == 1.0
    assert clopper_pearson_lower(0, 59, 0.05) == 0.0


@given(COUNTS, st.sampled_from([0.01, 0.05, 0.2]))
def test_bounds_mirror_each_other(counts: tuple[int, int], delta: float) -> None:
    """The lower bound of successes is the upper bound of failures, reflected."""
    k, n = counts
    assert clopper_pearson_lower(k, n, delta) == 1 - clopper_pearson_upper(n - k, n, delta)


def test_tango_inverts_its_score_test() -> None:
    """The ends are the differences whose score statistic is exactly the normal quantile."""
    found = paired_difference(0, 1, 44)
    assert tango_score(0, 1, 44, found.lower) == pytest.approx(1.959964, abs=1e-4)
    assert tango_score(0, 1, 44, found.upper) == pytest.approx(-1.959964, abs=1e-4)
    assert found.lower < -1 / 44 < found.upper
    assert found.method == "tango"


@given(COUNTS)
def test_tango_is_odd_in_the_two_models(counts: tuple[int, int]) -> None:
    """Swapping candidate and reference turns the interval around."""
    wins, n = counts
    losses = (n - wins) // 2
    ours, swapped = paired_difference(wins, losses, n), paired_difference(losses, wins, n)
    assert ours.lower == pytest.approx(-swapped.upper, abs=1e-6)


def test_tango_at_zero_is_mcnemar() -> None:
    """At a difference of 0 the score is McNemar's (b - c) / sqrt(b + c)."""
    assert tango_score(25, 10, 200, 0.0) == pytest.approx(15 / np.sqrt(35))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=80))
def test_betting_never_excludes_the_mean_it_saw(values: list[float]) -> None:
    """The empirical mean is inside, the ends are ordered and inside the range."""
    found = betting(values)
    assert 0 <= found.lower <= np.mean(values) + 1e-6
    assert np.mean(values) - 1e-6 <= found.upper <= 1


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=3, max_size=60),
    st.integers(1, 2),
)
def test_betting_only_tightens_with_more_rows(values: list[float], cut: int) -> None:
    """The running intersection: more rows of the same stream never widen the interval."""
    early, late = (betting(v, low=-1.0, high=1.0) for v in (values[:-cut], values))
    assert late.lower >= early.lower - 1e-6
    assert late.upper <= early.upper + 1e-6


def test_betting_moves_and_stretches_with_the_unit() -> None:
    """A linear change of unit changes the interval by the same line."""
    x = np.random.default_rng(9).random(100)
    base, moved = betting(x), betting(3 + 5 * x, low=3.0, high=8.0)
    assert moved.lower == pytest.approx(3 + 5 * base.lower, abs=1e-5)
    assert moved.upper == pytest.approx(3 + 5 * base.upper, abs=1e-5)


@pytest.mark.slow
def test_betting_covers_at_every_look() -> None:
    """The interval after all rows is the intersection over all looks; it misses at most 5%.

    Of 100 streams at a true rate of 5%, more than 11 misses happen less than once in 100 times.
    """
    rng = np.random.default_rng(10)
    misses = 0
    for _ in range(100):
        found = betting((rng.random(150) < 0.9).astype(float))
        misses += not found.lower <= 0.9 <= found.upper
    assert misses <= 11


def test_impossible_counts_are_refused() -> None:
    """More successes than rows, no rows, or a level of 1 are errors."""
    with pytest.raises(ValueError, match="not a count"):
        clopper_pearson(3, 2)
    with pytest.raises(ValueError, match="not a count"):
        wilson(0, 0)
    with pytest.raises(ValueError, match="level"):
        wilson(1, 2, 1.0)
    with pytest.raises(ValueError, match="at least one"):
        betting([])
