"""The JSON Schema that a client wants its answer to fit, checked before anybody is asked."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

from suffice.serve.errors import BadCall
from suffice.serve.wire.body import an_object, wrong

_PARAM = "response_format"
_ANY_OBJECT: Mapping[str, Any] = {}


def answer_schema(response_format: Any) -> Mapping[str, Any] | None:
    """Returns the schema of `response_format`: None for texts, {} for any JSON object.

    A schema may refer only to itself (`#/...`): nobody fetches an address for a client.

    Raises:
        BadCall: it has none of the known types, or its schema is none.
    """
    if response_format is None:
        return None
    an_object(response_format, _PARAM)
    kind = response_format.get("type")
    if kind == "text":
        return None
    if kind == "json_object":
        return _ANY_OBJECT
    if kind != "json_schema":
        raise wrong(kind, f"{_PARAM}.type", '"text", "json_object" or "json_schema"')
    wanted = response_format.get("json_schema")
    an_object(wanted, f"{_PARAM}.json_schema")
    schema = wanted.get("schema")
    an_object(schema, f"{_PARAM}.json_schema.schema")
    why = _fault(orjson.dumps(schema))
    if why is not None:
        param = f"{_PARAM}.json_schema.schema"
        raise BadCall(f"{param} cannot be used: {why}", param=param, code="invalid_json_schema")
    return dict(schema)


@lru_cache(maxsize=256)  # clients send the same schema with every call
def _fault(raw: bytes) -> str | None:
    """Returns what is wrong with a schema, None where nothing is."""
    import jsonschema  # noqa: PLC0415 - 0.1 s, and only for calls that bring a schema

    schema = orjson.loads(raw)
    foreign = _foreign_reference(schema)
    if foreign is not None:
        return f"it refers to {foreign!r}; only references within itself (#/...) are followed"
    try:
        draft = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        draft.check_schema(schema)
    except jsonschema.SchemaError as error:
        return f"{error.message} (at {error.json_path})"
    return None


def _foreign_reference(schema: Any) -> str | None:
    """Returns a reference to something outside the schema."""
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for name in ("$ref", "$dynamicRef", "$recursiveRef"):
                reference = value.get(name)
                if isinstance(reference, str) and not reference.startswith("#"):
                    return reference
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return None
