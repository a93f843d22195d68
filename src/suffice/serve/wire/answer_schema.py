"""The JSON Schema that a client wants its answer to fit, as `response_format` has it."""

from collections.abc import Mapping
from typing import Any

from suffice.serve.wire.body import an_object, wrong

_PARAM = "response_format"
_ANY_OBJECT: Mapping[str, Any] = {}


def answer_schema(response_format: Any) -> Mapping[str, Any] | None:
    """Returns the schema: None for texts, {} for any JSON object.

    Whether it is a sound schema is for who holds answers against it to say (`serve.decide`).

    Raises:
        BadCall: it has none of the known types, or no schema where it should.
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
    schema: Mapping[str, Any] = wanted.get("schema")
    an_object(schema, f"{_PARAM}.json_schema.schema")
    return schema
