"""Latency and throughput, timed on a clock that tests move by hand."""

import asyncio

import pytest

from suffice.measure.latency import LatencyMeter, ThroughputMeter, stated_latency
from suffice.ports import Answer, Request
from tests.unit.measure.stopwatch import HandClock, TimedModel

REQUESTS = [Request(text=f"text {index}") for index in range(7)]


def test_percentiles_of_single_requests() -> None:
    """A model that takes 2 ms, and 50 ms every tenth time: p50 is 2 ms, p95 and p99 are 50 ms."""
    clock = HandClock()
    model = TimedModel(clock, *[0.002] * 9, 0.05)
    measured = asyncio.run(LatencyMeter(clock=clock, budget_s=100).measure(model, REQUESTS))
    assert ["latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "cpu_share"] == [
        m.quantity for m in measured
    ]
    assert pytest.approx([2.0, 50.0, 50.0]) == [m.value for m in measured[:3]]
    assert {400} == {m.n for m in measured}
    assert all(len(batch) == 1 for batch in model.batches)


def test_warm_up_is_not_counted() -> None:
    """The slow first calls of a model that is still loading are left out."""
    clock = HandClock()
    model = TimedModel(clock, *[9.0] * 10, *[0.001] * 1000)
    measured = asyncio.run(LatencyMeter(clock=clock).measure(model, REQUESTS))
    assert all(m.value == pytest.approx(1.0) for m in measured[:3])


def test_a_slow_model_is_timed_no_longer_than_needed() -> None:
    """When the time is used up, p95 still has its readings; p99 says that it has too few."""
    clock = HandClock()
    p50, p95, p99, _ = asyncio.run(LatencyMeter(clock=clock).measure(TimedModel(clock, 0.5), REQUESTS))
    assert (80, 80) == (p50.n, p95.n)
    assert "80 readings; an interval at 95% needs 368" == p99.unmeasured


def test_a_busy_machine_shows() -> None:
    """Where other work had the processor half of the timed seconds, the share says so."""
    clock = HandClock()
    meter = LatencyMeter(clock=clock, cpu_s=lambda: clock.seconds / 2)
    share = asyncio.run(meter.measure(TimedModel(clock, 0.01), REQUESTS))[-1]
    assert ("cpu_share", pytest.approx(0.5), 400) == (share.quantity, share.value, share.n)


def test_no_requests_is_not_measured() -> None:
    """Nothing to time gives a reason, not 0 ms."""
    clock = HandClock()
    measured = asyncio.run(LatencyMeter(clock=clock).measure(TimedModel(clock, 0.1), []))
    assert {"no requests to time"} == {m.unmeasured for m in measured}


@pytest.mark.parametrize("meter", [LatencyMeter, ThroughputMeter])
def test_a_model_that_fails_is_not_measured(meter: type[LatencyMeter | ThroughputMeter]) -> None:
    """A model that dies in the middle gives a reason, not half a figure."""
    clock = HandClock()
    model = TimedModel(clock, 0.001, fails_after=5)
    measured = asyncio.run(meter(clock=clock).measure(model, REQUESTS))
    assert {"the model failed: the line is dead"} == {m.unmeasured for m in measured}


def test_throughput_is_requests_per_second_in_batches() -> None:
    """64 requests in 0.1 s are 640 per second; every batch is full."""
    clock = HandClock()
    model = TimedModel(clock, 0.1)
    [measured] = asyncio.run(ThroughputMeter(clock=clock).measure(model, REQUESTS))
    assert 640.0 == pytest.approx(measured.value)
    assert {64} == {len(batch) for batch in model.batches}
    assert measured.interval is not None
    assert 20 <= measured.n <= 21


def test_throughput_of_nothing() -> None:
    """No requests, no rate."""
    [measured] = asyncio.run(ThroughputMeter().measure(TimedModel(HandClock(), 0.1), []))
    assert "no requests to time" == measured.unmeasured


def test_stated_latency_is_taken_from_answers() -> None:
    """Recorded and remote models are not timed here: their own figures count, where they have any."""
    answers = [Answer(text="x", latency_ms=600.0)] * 100 + [Answer(text="x")] * 5
    p50, p95, p99 = stated_latency(answers)
    assert (600.0, 600.0, 100, None) == (p50.value, p95.value, p95.n, p99.value)
    assert {"the model's answers state no latency"} == {m.unmeasured for m in stated_latency(answers[-5:])}
