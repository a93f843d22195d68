"""The kinds of record in an audit log, as JSON objects, and events back from them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from suffice.ports import Usage
from suffice.serve import steps
from suffice.serve.event import Event
from suffice.serve.reply import Place


class Kind(StrEnum):
    """What a record tells."""

    SEGMENT = "segment"  # the first line of a file: which log, the how manieth file, the chain before it
    OPENED = "opened"  # a gateway began to write, and whether the last one left a torn line
    TERMS = "terms"  # the policy, the kinds of private data looked for, the certificates: from here on
    EVENT = "event"  # one ended call
    CHECKPOINT = "checkpoint"  # a signature over everything up to a record
    CLOSED = "closed"  # the gateway went down in order


def event_fields(event: Event, *, contents: bool) -> dict[str, Any]:
    """Returns an event as a JSON object; request and answer themselves only with `contents`."""
    usage = event.usage
    fields = {
        "id": event.id,
        "at": event.at,
        "key_id": event.key_id,
        "route": event.route,
        "operation": event.operation,
        "requested_model": event.requested_model,
        "status": event.status,
        "error": event.error,
        "tier": event.tier,
        "place": None if event.place is None else str(event.place),
        "model": event.model,
        "steps": orjson.Fragment(steps.encoded(event)),
        "escalated": event.escalated,
        "data_classes": sorted(event.data_classes),
        "local_only": event.local_only,
        "left_machine": event.left_machine,
        "masked": event.masked,
        "certificate": event.certificate,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": event.cost_usd,
        "reference_usd": event.reference_usd,
        "latency_ms": event.latency_ms,
        "first_token_ms": event.first_token_ms,
        "streamed": event.streamed,
        "ticket": event.ticket,
        "request_sha256": event.request_sha256,
        "response_sha256": event.response_sha256,
    }
    if contents:
        fields["request_text"] = event.request_text
        fields["response_text"] = event.response_text
    return fields


def to_event(fields: dict[str, Any]) -> Event:
    """Returns the event of a record."""
    rest = dict(fields)
    usage = Usage(input_tokens=rest.pop("input_tokens"), output_tokens=rest.pop("output_tokens"))
    place = rest.pop("place")
    return Event(
        at=datetime.fromisoformat(rest.pop("at")),
        place=None if place is None else Place(place),
        steps=tuple(steps.from_fields(step) for step in rest.pop("steps")),
        data_classes=frozenset(rest.pop("data_classes")),
        usage=usage,
        **rest,
    )
