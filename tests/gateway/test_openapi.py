"""The OpenAPI document: it is one, it names every endpoint and no other, and real answers fit it."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from suffice.serve.app import Surroundings, app_of
from suffice.serve.errors import BadCall
from suffice.serve.wire import chat, completions, decisions, embeddings, openapi, systemone
from tests.gateway.composed import KEY, Composed, served
from tests.gateway.scripts import every_script

DOCUMENT = openapi.described()
# Of OpenAPI 3.1's own schema what a document of ours can break; the whole is https://spec.openapis.org/oas/3.1.
_OPERATION = {
    "type": "object",
    "required": ["responses", "operationId"],
    "properties": {
        "responses": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": "^([1-5](?:[0-9]{2}|XX)|default)$"},
            "additionalProperties": {"type": "object", "required": ["description"]},
        },
        "parameters": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "in", "schema"],
                "properties": {"in": {"enum": ["query", "header", "path", "cookie"]}},
                "if": {"properties": {"in": {"const": "path"}}},
                "then": {"required": ["required"], "properties": {"required": {"const": True}}},
            },
        },
        "requestBody": {"type": "object", "required": ["content"]},
    },
}
META = {
    "type": "object",
    "required": ["openapi", "info", "paths", "components"],
    "properties": {
        "openapi": {"pattern": r"^3\.1\.\d+$"},
        "info": {"type": "object", "required": ["title", "version"]},
        "paths": {
            "type": "object",
            "propertyNames": {"pattern": "^/"},
            "additionalProperties": {
                "type": "object",
                "propertyNames": {"enum": ["get", "post"]},
                "additionalProperties": _OPERATION,
            },
        },
        "components": {
            "type": "object",
            "properties": {"schemas": {"type": "object", "propertyNames": {"pattern": r"^[a-zA-Z0-9._-]+$"}}},
        },
    },
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a gateway with fakes around it."""
    with served(Composed(every_script(), metrics=lambda: b"# none\n").app) as address:
        yield address


def _validator(schema: Any) -> Any:
    """Returns what checks a value against a schema of the document."""
    return jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def _refs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for below in value.values():
            yield from _refs(below)
    elif isinstance(value, list):
        for below in value:
            yield from _refs(below)


def test_it_is_an_openapi_document_with_sound_schemas() -> None:
    """Its form, every schema by its meta-schema, every reference leads somewhere, every id is used once."""
    jsonschema.Draft202012Validator(META).validate(DOCUMENT)
    schemas = DOCUMENT["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    assert {f"#/components/schemas/{name}" for name in schemas} == set(_refs(DOCUMENT))
    ids = [one["operationId"] for path in DOCUMENT["paths"].values() for one in path.values()]
    assert len(set(ids)) == len(ids)


def test_every_endpoint_is_in_it_and_no_other() -> None:
    """Paths and methods; HEAD goes with every GET, and one endpoint has every model's path."""
    around = Composed({}, metrics=lambda: b"").app.endpoints
    wanted = {
        (path, method.lower()) for path, one in around.items() for method in one.methods if method != "HEAD"
    }
    told = {(path, method) for path, one in DOCUMENT["paths"].items() for method in one}
    assert wanted | {("/v1/models/{model}", "get")} == told


def test_it_is_served_to_everybody_and_holds_no_name(url: str) -> None:
    """No key is needed; models, tiers and keys of the site are not in it."""
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=10) as response:  # noqa: S310 - loopback
        raw = response.read()
        assert "application/json" == response.headers["content-type"]
    assert DOCUMENT == json.loads(raw)
    for name in ("tickets", "large-v2", KEY):
        assert name.encode() not in raw


def _answer(url: str, path: str, body: Any = None) -> tuple[int, str, bytes]:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}{path}", data, headers)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - loopback
            return response.status, response.headers["content-type"], response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["content-type"], error.read()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"model": "tickets", "messages": [{"role": "user", "content": "x"}]}),
        ("/v1/chat/completions", {"model": "nobody", "messages": [{"role": "user", "content": "x"}]}),
        ("/v1/chat/completions", {"model": "limited", "messages": [{"role": "user", "content": "x"}]}),
        ("/v1/completions", {"model": "tickets", "prompt": "x"}),
        ("/v1/completions", {"model": "tickets"}),
        ("/v1/feedback", {"request_id": "req_1", "correct": True}),
        ("/v1/feedback", {"request_id": "req_unknown", "correct": True}),
        ("/v1/models", None),
        ("/v1/models/tickets", None),
        ("/v1/models/nobody", None),
        ("/health", None),
        ("/ready", None),
        ("/metrics", None),
    ],
)
def test_answers_fit_it(url: str, path: str, body: Any) -> None:
    """Status, type and form of what really comes are those it tells of."""
    status, kind, raw = _answer(url, path, body)
    described = path if path in DOCUMENT["paths"] else "/v1/models/{model}"
    operation = DOCUMENT["paths"][described]["get" if body is None else "post"]
    content = operation["responses"][str(status)]["content"][kind.partition(";")[0]]
    value = json.loads(raw) if kind.startswith("application/json") else raw.decode()
    _validator(content["schema"]).validate(value)


_CHAT = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
_CHOICE = {"type": "choice", "instructions": "?", "choices": [{"value": "a"}, {"value": True}]}
_NOUL = {"type": "noul", "instructions": "?"}
REQUESTS = [
    ("ChatRequest", chat, _CHAT),
    ("ChatRequest", chat, {**_CHAT, "n": 2, "stop": ["a"], "response_format": {"type": "json_object"}}),
    ("ChatRequest", chat, {**_CHAT, "messages": [{"role": "assistant"}], "temperature": None}),
    ("ChatRequest", chat, {**_CHAT, "n": 0}),
    ("ChatRequest", chat, {**_CHAT, "messages": [{"role": "user"}]}),
    ("ChatRequest", chat, {**_CHAT, "messages": [{"role": "wizard", "content": "x"}]}),
    ("ChatRequest", chat, {**_CHAT, "messages": [{"role": "user", "content": [{"type": "text"}]}]}),
    ("ChatRequest", chat, {**_CHAT, "response_format": {"type": "json_schema"}}),
    ("ChatRequest", chat, {**_CHAT, "seed": 0.5}),
    ("CompletionRequest", completions, {"model": "m", "prompt": ["a", "b"], "max_tokens": 0}),
    ("CompletionRequest", completions, {"model": "m", "prompt": []}),
    ("CompletionRequest", completions, {"model": "", "prompt": "x"}),
    ("DecisionRequest", decisions, {"model": "m", "input": "x", "questions": [_CHOICE]}),
    ("DecisionRequest", decisions, {"model": "m", "input": [], "questions": [_CHOICE]}),
    ("DecisionRequest", decisions, {"model": "m", "input": "x", "questions": [{**_CHOICE, "choices": []}]}),
    ("SystemOneRequest", systemone, {"model": "m", "state": {}, "questions": {"q": _NOUL}}),
    ("SystemOneRequest", systemone, {"model": "m", "state": "x", "questions": {}}),
    ("SystemOneRequest", systemone, {"model": "m", "state": 1, "questions": {"q": _NOUL}}),
    ("EmbeddingRequest", embeddings, {"model": "m", "input": [1, 2], "encoding_format": "base64"}),
    ("EmbeddingRequest", embeddings, {"model": "m", "input": [[1], ["a"]]}),
    ("EmbeddingRequest", embeddings, {"model": "m", "input": "x", "dimensions": 0}),
]


@pytest.mark.parametrize(("schema", "api", "body"), REQUESTS)
def test_the_schemas_of_bodies_say_what_is_read(schema: str, api: Any, body: Any) -> None:
    """A body fits its schema where it is read, and does not where it is refused."""
    try:
        api.API.read(body)
        is_read = True
    except BadCall:
        is_read = False
    fits = _validator(DOCUMENT["components"]["schemas"][schema]).is_valid(body)
    assert is_read == fits


def test_surroundings_without_feedback_and_metrics_have_no_such_paths() -> None:
    """What a site has not is not answered; the document is of a whole gateway."""
    composed = Composed({})
    paths = set(app_of(composed.gateway, Surroundings(clock=composed.gateway._clock)).endpoints)
    assert {"/v1/feedback", "/metrics"} == set(DOCUMENT["paths"]) - paths - {"/v1/models/{model}"}
