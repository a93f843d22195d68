"""Prometheus metrics: names, labels, bounds, and what counting costs."""

import time
from datetime import UTC, datetime

import pytest
from prometheus_client.parser import text_string_to_metric_families

from suffice.ports import Usage
from suffice.serve.event import Event
from suffice.serve.observe.metrics import Metrics
from suffice.serve.observe.vitals import Vitals
from suffice.serve.reply import Place, Step, Verdict

LOCAL = Step(tier="small", place=Place.LOCAL, verdict=Verdict.ESCALATED, latency_ms=0.4, model="linear")
REMOTE = Step(tier="large", place=Place.REMOTE, verdict=Verdict.ANSWERED, latency_ms=300.0, model="gpt-x")


def event(**changes):
    """Returns the event of a call that went up and was answered by the large tier."""
    given = {
        "id": "req-1",
        "at": datetime(2026, 11, 22, tzinfo=UTC),
        "key_id": "k1",
        "route": "tickets",
        "operation": "chat",
        "requested_model": "tickets",
        "status": 200,
        "tier": "large",
        "place": Place.REMOTE,
        "model": "gpt-x",
        "steps": (LOCAL, REMOTE),
        "escalated": True,
        "left_machine": True,
        "usage": Usage(input_tokens=20, output_tokens=3),
        "cost_usd": 0.002,
        "reference_usd": 0.003,
        "latency_ms": 301.0,
        "first_token_ms": 120.0,
    }
    return Event(**(given | changes))


def samples(metrics):
    """Returns every sample of the exposition, by name and labels."""
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def value(metrics, name, **labels):
    """Returns the one sample of this name whose labels contain these."""
    (found,) = [
        number
        for (sample, has), number in samples(metrics).items()
        if sample == name and labels.items() <= dict(has).items()
    ]
    return found


def test_a_call_is_counted_under_the_names_of_opentelemetry():
    """Durations, first token and tokens carry operation, provider, asked and answering model."""
    metrics = Metrics(["tickets"], providers={"large": "openai"})
    metrics.hear(event())
    labels = {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "openai",
        "gen_ai_request_model": "tickets",
        "gen_ai_response_model": "gpt-x",
    }
    assert 0.301 == value(metrics, "gen_ai_server_request_duration_seconds_sum", **labels)
    assert 0.12 == value(metrics, "gen_ai_server_time_to_first_token_seconds_sum", **labels)
    assert 0.0905 == pytest.approx(
        value(metrics, "gen_ai_server_time_per_output_token_seconds_sum", **labels)
    )
    assert 20 == value(metrics, "gen_ai_client_token_usage_sum", gen_ai_token_type="input", **labels)
    assert 3 == value(metrics, "gen_ai_client_token_usage_sum", gen_ai_token_type="output", **labels)
    assert 0.3 == value(metrics, "gen_ai_client_operation_duration_seconds_sum", **labels)
    local = {"gen_ai_provider_name": "suffice", "gen_ai_response_model": "linear"}
    assert 1 == value(metrics, "gen_ai_client_operation_duration_seconds_count", **local)


def test_ours_count_tiers_escalations_money_and_what_left():
    """Each tier on the way counts with its verdict; money only where both prices are known."""
    metrics = Metrics(["tickets"])
    metrics.hear(event())
    metrics.hear(event(reference_usd=None))
    assert 2 == value(metrics, "suffice_calls_total", route="tickets", tier="small", verdict="escalated")
    assert 2 == value(metrics, "suffice_calls_total", tier="large", verdict="answered")
    assert 2 == value(metrics, "suffice_escalations_total", route="tickets")
    assert 2 == value(metrics, "suffice_left_machine_total", masked="false")
    assert 0.004 == value(metrics, "suffice_cost_usd_total", tier="large")
    assert 0.002 == value(metrics, "suffice_priced_cost_usd_total")
    assert 0.003 == value(metrics, "suffice_priced_reference_usd_total")


@pytest.mark.parametrize("changes", [{"usage": Usage(output_tokens=1)}, {"usage": Usage()}])
def test_a_time_per_token_is_only_told_where_there_are_tokens_after_the_first(changes):
    """One token, or an unknown number, has no time between tokens."""
    metrics = Metrics(["tickets"])
    metrics.hear(event(**changes))
    assert b"time_per_output_token_seconds_sum" not in metrics.text()
    assert b"time_to_first_token_seconds_sum" in metrics.text()


def test_an_error_is_a_refusal_with_its_reason():
    """A refused call counts under its error's code and has no provider or model."""
    metrics = Metrics(["tickets"])
    metrics.hear(event(status=429, error="rate_limit_exceeded", tier="", place=None, model="", steps=()))
    assert 1 == value(metrics, "suffice_refusals_total", reason="rate_limit_exceeded")
    assert 1 == value(
        metrics, "gen_ai_server_request_duration_seconds_count", error_type="rate_limit_exceeded"
    )


def test_buckets_are_cumulative_and_hold_every_call():
    """A value on a bound falls into that bucket, as Prometheus' `le` says; +Inf counts all."""
    metrics = Metrics(["tickets"])
    for latency_ms in (0.1, 10.0, 10.1, 1e9):
        metrics.hear(event(latency_ms=latency_ms))
    name = "gen_ai_server_request_duration_seconds_bucket"
    assert [1, 2, 3, 4] == [value(metrics, name, le=le) for le in ("0.0002", "0.01", "0.02", "+Inf")]


def test_clients_and_upstreams_cannot_add_series_without_end():
    """3,000 invented model names, answering models and errors stay within a fixed number of series."""
    metrics = Metrics(["tickets"])
    for number in range(3_000):
        metrics.hear(
            event(
                requested_model=f"m{number}",
                route=f"m{number}",
                model=f"m{number}",
                error=f"e{number}",
                steps=(),
            )
        )
    lines = metrics.text().count(b"gen_ai_server_request_duration_seconds_count")
    assert lines <= 161
    assert b'route="m' not in metrics.text()
    assert b'gen_ai_request_model="m' not in metrics.text()
    assert b'gen_ai_request_model="other"' in metrics.text()


def test_a_name_that_breaks_lines_is_escaped():
    """A model's name with quotes and line breaks leaves the exposition readable."""
    metrics = Metrics(["tickets"])
    metrics.hear(event(model='a"\n} 1\nevil 1', first_token_ms=None))
    assert 'a"\n} 1\nevil 1' in {dict(labels).get("gen_ai_response_model") for _, labels in samples(metrics)}
    assert b"\nevil" not in metrics.text()


def test_vitals_are_read_at_each_scrape():
    """Queues, breakers, lag and losses show what they are at the moment of asking."""
    depths, lost = {"small": 3}, [0]
    metrics = Metrics(
        ["tickets"],
        vitals=Vitals(
            queue_depths=lambda: depths,
            breakers=lambda: {"large": "open"},
            audit_lag=lambda: 7,
            events_lost=lambda: lost[0],
            open_tickets=lambda: 2,
        ),
    )
    assert 3 == value(metrics, "suffice_queue_depth", tier="small")
    depths["small"], lost[0] = 4, 1
    assert 4 == value(metrics, "suffice_queue_depth", tier="small")
    assert 1 == value(metrics, "suffice_breaker_state", tier="large", state="open")
    assert 0 == value(metrics, "suffice_breaker_state", tier="large", state="closed")
    assert 7 == value(metrics, "suffice_audit_log_lag_events")
    assert 1 == value(metrics, "suffice_events_lost_total")
    assert 2 == value(metrics, "suffice_review_tickets_open")
    assert value(metrics, "process_resident_memory_bytes") > 1e6


def test_nothing_lost_is_said_as_zero():
    """Without any loss the counter is there and says 0, so that an alarm can be set on it."""
    assert 0 == value(Metrics([]), "suffice_events_lost_total")


def test_two_gateways_in_one_process_count_apart():
    """Nothing is kept in prometheus-client's global registry."""
    one, two = Metrics(["tickets"]), Metrics(["tickets"])
    one.hear(event())
    assert b"suffice_calls_total{" in one.text()
    assert b"suffice_calls_total{" not in two.text()


def test_a_reload_changes_which_routes_are_labels():
    """A route that came with a reload is counted under its own name."""
    metrics = Metrics([])
    metrics.serve_routes(["tickets"])
    metrics.hear(event())
    assert 1 == value(metrics, "suffice_escalations_total", route="tickets")


@pytest.mark.parametrize("heard", [event(), event(steps=(REMOTE,), escalated=False)])
def test_hearing_an_event_takes_microseconds(heard):
    """The best of many rounds is below 10 microseconds of processor time for each event."""
    metrics = Metrics(["tickets"])
    best = float("inf")
    for _ in range(20):
        before = time.process_time()
        for _ in range(500):
            metrics.hear(heard)
        best = min(best, (time.process_time() - before) / 500)
    assert best < 10e-6
