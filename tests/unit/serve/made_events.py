"""Made-up events for tests of what keeps them."""

from datetime import UTC, datetime, timedelta

from suffice.ports import Usage
from suffice.serve.event import Event
from suffice.serve.reply import Place, Step, Verdict

NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
SHA = "ab" * 32


def made_event(number=0, **changes):
    """Returns an event as the gateway would make it: call `number`, one second after the one before."""
    step = Step(tier="tickets", place=Place.LOCAL, verdict=Verdict.ANSWERED, latency_ms=1.5, confidence=0.75)
    values = {
        "id": f"req_{number}",
        "at": NOON + timedelta(seconds=number),
        "key_id": "alpha",
        "route": "tickets",
        "operation": "chat",
        "requested_model": "gpt-4o",
        "status": 200,
        "tier": "tickets",
        "place": Place.LOCAL,
        "model": "linear",
        "steps": (step,),
        "certificate": SHA,
        "usage": Usage(input_tokens=12, output_tokens=3),
        "cost_usd": 0.0,
        "reference_usd": 0.25,
        "latency_ms": 2.0 + number,
        "request_sha256": SHA,
        "response_sha256": SHA,
    }
    return Event(**{**values, **changes})


def made_events(count, **changes):
    """Returns `count` events, one second apart."""
    return [made_event(number, **changes) for number in range(count)]
