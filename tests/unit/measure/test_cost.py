"""What answers cost, and from when a machine of one's own pays."""

import pytest

from suffice.measure.cost import break_even, own_cost, token_cost
from suffice.measure.price_book import Machine
from suffice.measurement import Interval, Measurement, not_measured
from suffice.models.http.spend import Price
from suffice.ports import Answer, Request, Usage

PRICE = Price(usd_per_1m_input=2.0, usd_per_1m_output=10.0)
RENTED = Machine(usd_per_hour=0.36, utilisation=0.5, as_of="2026-11", source="invented")


def throughput(value: float) -> Measurement:
    """Returns a rate with an interval from half of it to twice."""
    ends = Interval(lower=value / 2, upper=value * 2, level=0.95, method="order statistics")
    return Measurement(quantity="throughput_per_s", value=value, unit="per_s", n=6, interval=ends)


def test_tokens_are_priced_by_usage() -> None:
    """1,000 requests of 500 tokens in and 20 out at $2 and $10 a million cost $1.20."""
    answers = [Answer(text="x", usage=Usage(input_tokens=500, output_tokens=20))] * 5
    found = token_cost([Request(text="anything")] * 5, answers, PRICE)
    assert 1.2 == pytest.approx(found.measurement.value)
    assert (5, 0.0) == (found.measurement.n, found.estimated_share)


def test_unknown_usage_is_estimated_and_said() -> None:
    """Without usage, tokens are bytes / 4, and the share of estimated requests is given."""
    requests = [Request(text="a" * 400), Request(text="a" * 400)]
    answers = [Answer(text="b" * 8), Answer(text="b" * 8, usage=Usage(input_tokens=100, output_tokens=2))]
    found = token_cost(requests, answers, PRICE)
    assert 0.22 == pytest.approx(found.measurement.value)
    assert 0.5 == found.estimated_share


def test_the_mean_has_its_interval() -> None:
    """Student's t: two requests of 0 and 1,000 tokens have a mean of 500 +/- 12.7 * 500 tokens, cut at 0."""
    answers = [Answer(text="", usage=Usage(input_tokens=t, output_tokens=0)) for t in (0, 1000)]
    measured = token_cost([Request(text="x")] * 2, answers, PRICE).measurement
    assert measured.interval is not None
    assert (0.0, pytest.approx(1.0 + 12.7062, rel=1e-4)) == (measured.interval.lower, measured.interval.upper)


def test_unanswered_requests_do_not_count() -> None:
    """What was not answered has no cost to learn from; one request is not enough for an interval."""
    answers = [Answer(text=None), Answer(text="x")]
    found = token_cost([Request(text="x")] * 2, answers, PRICE)
    assert "1 answered requests to take the tokens from; 2 are needed" == found.measurement.unmeasured


def test_own_cost_is_the_price_of_the_time_used() -> None:
    """At 100 per second 1,000 requests take 10 s: $0.001 at $0.36 an hour, twice that when half idle."""
    measured = own_cost(throughput(100.0), RENTED)
    assert 0.002 == pytest.approx(measured.value)
    assert measured.interval is not None
    assert pytest.approx((0.001, 0.004)) == (measured.interval.lower, measured.interval.upper)


def test_unknown_throughput_is_unknown_cost() -> None:
    """The reason is passed on."""
    unknown = not_measured("throughput_per_s", "per_s", why="no requests to time")
    assert "throughput: no requests to time" == own_cost(unknown, RENTED).unmeasured


def test_a_bought_machine_costs_wear_and_power() -> None:
    """$876 over 1 year is $0.10 an hour; 100 W at $0.50 a kWh is $0.05 more."""
    bought = Machine(
        purchase_usd=876, lifetime_years=1, watts=100, usd_per_kwh=0.5, utilisation=1.0, as_of="", source=""
    )
    assert 0.15 == pytest.approx(bought.hourly_usd)


def test_break_even_volume() -> None:
    """$262.80 a month against $1 per 1,000, of which a tenth is still paid: 292,000 requests."""
    found = break_even(throughput_per_s=10.0, machine=RENTED, reference_usd_per_1k=1.0, escalated=0.1)
    assert 292_000 == pytest.approx(found.requests_per_month)
    assert "a machine of $262.80 a month pays from 292,000 requests a month on" == found.advice


def test_a_machine_too_slow_for_its_price_never_pays() -> None:
    """When the break-even volume is more than it can answer, the next machine is due: do not self-host."""
    found = break_even(throughput_per_s=0.01, machine=RENTED, reference_usd_per_1k=1.0)
    assert found.requests_per_month is None
    assert found.advice.startswith("do not self-host: 262,800 requests a month would pay")


@pytest.mark.parametrize(("usd", "escalated"), [(0.0, 0.0), (1.0, 1.0)])
def test_nothing_saved_never_pays(usd: float, escalated: float) -> None:
    """A free reference, or one that answers everything anyway, cannot be undercut."""
    found = break_even(throughput_per_s=10, machine=RENTED, reference_usd_per_1k=usd, escalated=escalated)
    assert (None, "do not self-host: nothing is saved on any request") == (
        found.requests_per_month,
        found.advice,
    )
