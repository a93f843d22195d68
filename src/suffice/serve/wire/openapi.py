"""`/openapi.json`: what this gateway answers, as an OpenAPI 3.1 document made of one table of plain data.

It is the same for every site of a version: it names no model, no tier and no key, so nobody needs a key
to read it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

from suffice.serve.wire.openapi_decisions import DECISIONS
from suffice.serve.wire.openapi_parts import SHARED, Schema, number, one_of, ref
from suffice.serve.wire.openapi_responses import RESPONSES
from suffice.serve.wire.openapi_texts import TEXTS

PATH = "/openapi.json"
_JSON = "application/json"

_CALL_ERRORS: Mapping[int, str] = {
    400: "a body, a field or a header that cannot be used",
    401: "no key, or none of this gateway's",
    403: "the key may not do this, or policy keeps the call here and no tier here can answer it",
    404: "nothing has this name",
    408: "the body did not come in time",
    413: "the body is larger than the gateway takes",
    415: "the body is not called application/json",
    421: "the Host header names another server",
    429: "a budget is used up, or a queue is full",
    431: "too many or too large headers",
    500: "a fault of the gateway",
    502: "no tier answered, or none can be trusted",
    503: "come again later",
    504: "the route's time is over",
}
_OPEN_ERRORS = (400, 421, 431, 503)
_READ_ERRORS = (*_OPEN_ERRORS, 401, 404, 500)
_HEADERS: Mapping[str, tuple[str, Schema]] = {
    "x-suffice-route": ("The route, whatever `model` names.", {"type": "string"}),
    "x-suffice-local-only": ("No tier outside this machine may see this call.", one_of("true", "false")),
    "x-suffice-escalate-below": (
        "Pass up what is trusted less, where that is stricter than the certificate.",
        number(0, 1),
    ),
    "x-suffice-skip-to": (
        "Begin at this tier; needs a key with the scope `tiers`.",
        {"type": "string"},
    ),
    "x-suffice-no-people": (
        "No person is asked: an error comes where no tier's answer can be trusted.",
        one_of("true", "false"),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Described:
    """One endpoint: what it takes and what it gives, by the names of schemas.

    `errors` are the statuses beside 200, and 405, which every endpoint has. `scope` is what a key needs, None
    where nobody needs a key. `media` is the type of what it gives. `is_call`: it asks models, streams where
    `streams`, and a person may answer it later where `tickets`.
    """

    path: str
    method: str
    summary: str
    gives: str | None
    takes: str | None = None
    errors: Sequence[int] = ()
    scope: str | None = None
    media: str = _JSON
    is_call: bool = False
    streams: bool = False
    tickets: bool = False


def _call(path: str, summary: str, *, takes: str, gives: str, texts: bool = False) -> Described:
    return Described(
        path=path,
        method="post",
        summary=summary,
        takes=takes,
        gives=gives,
        errors=tuple(_CALL_ERRORS),
        scope="call",
        is_call=True,
        streams=texts,
        tickets=texts,
    )


ENDPOINTS: tuple[Described, ...] = (
    _call("/v1/chat/completions", "Chats", takes="ChatRequest", gives="Chat", texts=True),
    _call("/v1/responses", "Responses", takes="ResponseRequest", gives="Response", texts=True),
    _call("/v1/completions", "Prompts", takes="CompletionRequest", gives="Completion", texts=True),
    _call("/v1/embeddings", "Vectors for texts", takes="EmbeddingRequest", gives="Embeddings"),
    _call("/v1/decisions", "Typed questions about an input", takes="DecisionRequest", gives="Decision"),
    _call("/v1/systemone", "Named questions about a state", takes="SystemOneRequest", gives="SystemOne"),
    Described(
        path="/v1/feedback",
        method="post",
        summary="What somebody says of an answer",
        takes="Feedback",
        gives="FeedbackKept",
        errors=tuple(status for status in _CALL_ERRORS if status not in {502, 504}),
        scope="feedback",
    ),
    Described(
        path="/v1/models",
        method="get",
        summary="What may be named as `model`",
        gives="Models",
        errors=_READ_ERRORS,
        scope="call",
    ),
    Described(
        path="/v1/models/{model}",
        method="get",
        summary="One model",
        gives="Model",
        errors=_READ_ERRORS,
        scope="call",
    ),
    Described(
        path="/health",
        method="get",
        summary="Whether the process lives, and what is wrong",
        gives="Health",
        errors=_OPEN_ERRORS,
    ),
    Described(
        path="/ready",
        method="get",
        summary="Whether calls are answered",
        gives="Health",
        errors=_OPEN_ERRORS,
    ),
    Described(
        path="/metrics",
        method="get",
        summary="Metrics in Prometheus' text format",
        gives=None,
        errors=(*_READ_ERRORS, 403),
        scope="view",
        media="text/plain",
    ),
    Described(path=PATH, method="get", summary="This document", gives=None, errors=_OPEN_ERRORS),
)


@cache
def document() -> bytes:
    """Returns the document's bytes."""
    return orjson.dumps(described())


def described() -> dict[str, Any]:
    """Returns the document."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "suffice",
            "version": "1",
            "description": "Answers from the smallest certified model that is good enough.",
        },
        "paths": paths,
        "components": {
            "schemas": {**SHARED, **TEXTS, **RESPONSES, **DECISIONS},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Described) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{endpoint.method}{endpoint.path.replace('/', '_').replace('.', '_')}".replace(
            "{model}", "one"
        ),
        "summary": endpoint.summary,
        "responses": _responses(endpoint),
        "security": [] if endpoint.scope is None else [{"key": []}],
    }
    if endpoint.scope is not None:
        operation["description"] = f"Needs a key with the scope `{endpoint.scope}`."
    if endpoint.takes is not None:
        operation["requestBody"] = {"required": True, "content": {_JSON: {"schema": ref(endpoint.takes)}}}
    if endpoint.is_call:
        operation["parameters"] = [
            {"name": name, "in": "header", "description": words, "schema": schema}
            for name, (words, schema) in _HEADERS.items()
        ]
    if "{model}" in endpoint.path:
        model = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
        operation["parameters"] = [model]
    return operation


def _responses(endpoint: Described) -> dict[str, Any]:
    schema = {"type": "string"} if endpoint.media != _JSON else {"type": "object"}
    content = {endpoint.media: {"schema": schema if endpoint.gives is None else ref(endpoint.gives)}}
    if endpoint.streams:
        content["text/event-stream"] = {}  # readers of schemas do not agree what an event is one of
    found: dict[str, Any] = {"200": {"description": "the answer", "content": content}}
    if endpoint.tickets:
        found["202"] = {
            "description": "a person will answer",
            "content": {_JSON: {"schema": ref("Ticket")}},
        }
    for status in (*endpoint.errors, 405):
        words = _CALL_ERRORS.get(status, "another HTTP method is meant")
        is_health = endpoint.gives == "Health" and status == 503
        error = ref("Health") if is_health else ref("Error")
        found[str(status)] = {"description": words, "content": {_JSON: {"schema": error}}}
    return dict(sorted(found.items()))
