"""What a cascade takes, from what its tiers take."""

import pytest

from suffice.bar import ResourceBars
from suffice.cascade import Cascade, Tier
from suffice.certify.resources import Resources, of_system, reached_shares, shortfall

PARTS = {
    "small": Resources(
        cost_usd_per_1k=0.001, latency_p50_ms=1, latency_p95_ms=2, memory_bytes=1e8, energy_j=0.1, bytes=1e6
    ),
    "reference": Resources(cost_usd_per_1k=1.0, latency_p50_ms=500, latency_p95_ms=900),
}
CASCADE = Cascade(name="c", tiers=(Tier(model="small", threshold=0.5), Tier(model="reference")))


def test_cost_counts_what_reaches_each_tier():
    """A tenth escalated costs a tenth of the reference."""
    assert pytest.approx(0.101) == of_system(CASCADE, PARTS, (1.0, 0.1)).cost_usd_per_1k


def test_a_quantile_sees_a_slow_tier_only_past_its_tail():
    """With 10% escalated the median stays local and p95 does not."""
    found = of_system(CASCADE, PARTS, (1.0, 0.1))
    assert (1, 902) == (found.latency_p50_ms, found.latency_p95_ms)


def test_energy_of_an_unmeasured_tier_is_unknown():
    """Unknown stays unknown, unless nothing reaches that tier."""
    assert of_system(CASCADE, PARTS, (1.0, 0.1)).energy_j is None
    assert pytest.approx(0.1) == of_system(CASCADE, PARTS, (1.0, 0.0)).energy_j


def test_memory_and_bytes_are_the_local_tiers():
    """The reference's memory is somebody else's."""
    found = of_system(CASCADE, PARTS, (1.0, 0.5))
    assert (1e8, 1e6) == (found.memory_bytes, found.bytes)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"latency_p95_ms": 1.0}, "latency p95 2 ms is over the bar of 1 ms"),
        ({"memory_mb": 50}, "memory 100 MB is over the bar of 50 MB"),
        ({"energy_j": 1.0, "bytes_mb": 0.5}, "size 1 MB is over the bar of 0.5 MB"),
        ({"cost_usd_per_1k": 0.01, "latency_p95_ms": 2.0}, None),
    ],
)
def test_the_first_limit_missed_is_named(limits, words):
    """In words, with both numbers."""
    assert words == shortfall(PARTS["small"], ResourceBars(**limits))


def test_a_limit_on_what_was_not_measured_is_missed():
    """Nothing shows that it is kept."""
    assert "was not measured here" in (shortfall(PARTS["reference"], ResourceBars(energy_j=1.0)) or "")


def test_shares_that_reach_each_tier():
    """All reach the first; whoever answers at tier k passed the tiers before it."""
    assert (1.0, 0.5, 0.25) == reached_shares([0, 0, 1, 2], 3)
