"""How the gateway itself is: what is read at each scrape, not counted call by call."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

BREAKER_STATES = ("closed", "half_open", "open")


class Reading(Protocol):
    """Something that can be read at any moment, without waiting."""

    def __call__(self) -> float:
        """Returns the number now."""
        ...


def _none() -> Mapping[str, int]:
    return {}


def _no_breakers() -> Mapping[str, str]:
    return {}


def _zero() -> float:
    return 0.0


@dataclass(frozen=True, kw_only=True)
class Vitals:
    """Where the gauges are read; each call is cheap and never waits.

    `queue_depths`: requests that wait, by tier. `breakers`: "closed", "half_open" or "open", by tier.
    `audit_lag`: events that are not on the audit log's disk yet. `events_lost`: events that audit log
    or store could not keep. `in_flight`: calls that are being answered. `open_tickets`: questions
    that wait for a person; None where the site has no review queue.
    """

    queue_depths: Callable[[], Mapping[str, int]] = _none
    breakers: Callable[[], Mapping[str, str]] = _no_breakers
    audit_lag: Reading = _zero
    events_lost: Reading = _zero
    in_flight: Reading = _zero
    open_tickets: Reading | None = None


class VitalsCollector(Collector):
    """Reads the vitals whenever Prometheus asks."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    def collect(self) -> Iterator[Metric]:
        """Yields one family per gauge."""
        yield _by_tier(
            "suffice_queue_depth", "Requests that wait for a local tier.", self._vitals.queue_depths()
        )
        yield _breakers(self._vitals.breakers())
        yield GaugeMetricFamily(
            "suffice_audit_log_lag_events",
            "Events that are not on the audit log's disk yet.",
            self._vitals.audit_lag(),
        )
        yield CounterMetricFamily(
            "suffice_events_lost", "Events that could not be kept.", self._vitals.events_lost()
        )
        yield GaugeMetricFamily(
            "suffice_calls_in_flight", "Calls that are being answered.", self._vitals.in_flight()
        )
        if self._vitals.open_tickets is not None:
            yield GaugeMetricFamily(
                "suffice_review_tickets_open",
                "Questions that wait for a person.",
                self._vitals.open_tickets(),
            )


def _by_tier(name: str, documentation: str, values: Mapping[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=("tier",))
    for tier, value in values.items():
        family.add_metric((tier,), value)
    return family


def _breakers(states: Mapping[str, str]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "suffice_breaker_state",
        "1 for the state that a tier's circuit breaker is in, 0 for the others.",
        labels=("tier", "state"),
    )
    for tier, now in states.items():
        for state in BREAKER_STATES:
            family.add_metric((tier, state), 1.0 if state == now else 0.0)
    return family
