"""Distribution-free quantiles: the interval covers what it should, and is refused where n is too small."""

import numpy as np
import pytest
from scipy.stats import binom

from suffice.measure.quantiles import Quantity, median, quantile, smallest_n

TIME = Quantity(name="latency_ms", unit="ms")


@pytest.mark.parametrize(("share", "n"), [(0.5, 6), (0.95, 72), (0.99, 368)])
def test_smallest_n(share: float, n: int) -> None:
    """The textbook numbers: 6 for the median, 72 for p95, 368 for p99, at 95%."""
    assert n == smallest_n(share)


def test_too_few_readings_are_not_measured() -> None:
    """One reading short, the state is "not measured" with the number that is needed, not a guess."""
    measured = quantile(TIME, [1.0] * 71, 0.95)
    assert (None, "71 readings; an interval at 95% needs 72") == (measured.value, measured.unmeasured)


def test_median_of_six() -> None:
    """Six readings: the median's interval is their whole range (level 1 - 2/2**6 = 96.9%)."""
    measured = median(TIME, [6.0, 1.0, 5.0, 2.0, 4.0, 3.0])
    assert measured.interval is not None
    assert (3.0, 1.0, 6.0, 6) == (
        measured.value,
        measured.interval.lower,
        measured.interval.upper,
        measured.n,
    )


@pytest.mark.parametrize(("share", "n"), [(0.5, 7), (0.5, 100), (0.95, 72), (0.95, 400), (0.99, 1000)])
def test_ranks_are_the_tightest_that_hold(share: float, n: int) -> None:
    """The ends are the ranks whose exact binomial tails are at most 2.5%, and one step in is too far."""
    measured = quantile(TIME, [float(rank) for rank in range(1, n + 1)], share)
    assert measured.interval is not None
    lower, upper = int(measured.interval.lower), int(measured.interval.upper)
    assert binom.cdf(lower - 1, n, share) <= 0.025 < binom.cdf(lower, n, share)
    assert binom.sf(upper - 1, n, share) <= 0.025 < binom.sf(upper - 2, n, share)


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_coverage(share: float) -> None:
    """On skewed draws the interval covers the true quantile at least 95% of the time (400 repetitions)."""
    rng = np.random.default_rng(1)
    truth = -np.log(1 - share)
    covered = 0
    for _ in range(400):
        ends = quantile(TIME, rng.exponential(size=100).tolist(), share).interval
        assert ends is not None
        covered += ends.lower <= truth <= ends.upper
    assert covered >= 400 * 0.95 - 2 * np.sqrt(400 * 0.95 * 0.05)
