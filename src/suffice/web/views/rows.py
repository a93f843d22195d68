"""An event as the pages' JSON: a short row of a list, or all that is kept of it."""

from collections.abc import Mapping
from types import MappingProxyType

from suffice.serve.event import Event
from suffice.serve.reply import Step
from suffice.web.visit import Json, Pages, Visit


async def key_names(pages: Pages, visit: Visit) -> dict[str, str]:
    """Returns the names of the keys whose rows a visit may see, by key id."""
    if visit.rows_of is not None:
        return {visit.caller.key_id: visit.caller.name}
    return {key.id: key.name for key in await pages.keys.all_keys()}


def row(event: Event, names: Mapping[str, str] = MappingProxyType({})) -> Json:
    """Returns what a list tells of a call; `confidence` is that of the last tier that told one.

    `names` are the keys' names by id.
    """
    known = [step.confidence for step in event.steps if step.confidence is not None]
    return {
        "id": event.id,
        "at": event.at,
        "key_id": event.key_id,
        "key_name": names.get(event.key_id, ""),
        "route": event.route,
        "requested_model": event.requested_model,
        "operation": event.operation,
        "status": event.status,
        "error": event.error,
        "tier": event.tier,
        "place": event.place,
        "model": event.model,
        "escalated": event.escalated,
        "ticket": event.ticket,
        "confidence": known[-1] if known else None,
        "latency_ms": event.latency_ms,
        "cost_usd": event.cost_usd,
    }


def whole(event: Event, names: Mapping[str, str] = MappingProxyType({})) -> Json:
    """Returns everything that is kept of a call, with the key's name where `names` knows it."""
    return {
        **row(event, names),
        "steps": [step(one) for one in event.steps],
        "data_classes": sorted(event.data_classes),
        "local_only": event.local_only,
        "left_machine": event.left_machine,
        "masked": event.masked,
        "certificate": event.certificate,
        "input_tokens": event.usage.input_tokens,
        "output_tokens": event.usage.output_tokens,
        "reference_usd": event.reference_usd,
        "first_token_ms": event.first_token_ms,
        "streamed": event.streamed,
        "request_sha256": event.request_sha256,
        "response_sha256": event.response_sha256,
        "request_text": event.request_text,
        "response_text": event.response_text,
    }


def step(one: Step) -> Json:
    """Returns one tier on a call's way; `score` is what was held against the threshold."""
    return {
        "tier": one.tier,
        "place": one.place,
        "verdict": one.verdict,
        "why": one.why,
        "latency_ms": one.latency_ms,
        "model": one.model,
        "confidence": one.confidence,
        "novelty": one.novelty,
        "trust": one.trust,
        "threshold": one.threshold,
        "score": _score(one),
    }


def _score(step: Step) -> float | None:
    return step.confidence if step.trust is None else step.trust
