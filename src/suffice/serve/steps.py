"""A call's steps as JSON, encoded once for all who keep them, and back; what is not known is left out."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from suffice.serve.event import Event
from suffice.serve.reply import Place, Step, Verdict


def encoded(event: Event) -> bytes:
    """Returns the JSON array of an event's steps; the event remembers it."""
    found = event.steps_json
    if found is None:
        found = event.steps_json = to_json(event.steps)
    return found


def to_json(steps: Iterable[Step]) -> bytes:
    """Returns the JSON array of steps; lone surrogates become the sign U+FFFD."""
    fields = [_fields(step) for step in steps]
    try:
        return orjson.dumps(fields)
    except TypeError:
        return orjson.dumps([{name: _whole(value) for name, value in step.items()} for step in fields])


def from_json(text: str | bytes) -> tuple[Step, ...]:
    """Returns the steps of a JSON array."""
    return tuple(from_fields(fields) for fields in orjson.loads(text))


def from_fields(fields: Mapping[str, Any]) -> Step:
    """Returns a step from its fields as JSON has them."""
    return Step(**{**fields, "place": Place(fields["place"]), "verdict": Verdict(fields["verdict"])})


def _fields(step: Step) -> dict[str, Any]:
    """Returns what is known of a step; orjson would take three times as long for the object itself."""
    fields: dict[str, Any] = {"tier": step.tier, "place": str(step.place), "verdict": str(step.verdict)}
    if step.why:
        fields["why"] = step.why
    if step.latency_ms is not None:
        fields["latency_ms"] = step.latency_ms
    if step.model:
        fields["model"] = step.model
    if step.confidence is not None:
        fields["confidence"] = step.confidence
    if step.novelty is not None:
        fields["novelty"] = step.novelty
    if step.trust is not None:
        fields["trust"] = step.trust
    if step.threshold is not None:
        fields["threshold"] = step.threshold
    if step.cost_usd is not None:
        fields["cost_usd"] = step.cost_usd
    return fields


def _whole(value: Any) -> Any:
    """Returns a text without lone surrogates, which JSON cannot hold; anything else as it is."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
