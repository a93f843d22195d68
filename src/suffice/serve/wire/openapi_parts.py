"""Words for JSON Schemas as plain data, and the schemas that several endpoints share."""

from collections.abc import Mapping, Sequence
from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1}
YES_OR_NO: Schema = {"type": "boolean"}
ANY_OBJECT: Schema = {"type": "object"}
COUNT: Schema = {
    "type": ["integer", "null"],
    "minimum": 0,
    "description": "null: not known",
}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}


def obj(required: Sequence[str], properties: Mapping[str, Schema], **more: Any) -> Schema:
    """Returns the schema of an object that may have further fields."""
    return {"type": "object", "required": list(required), "properties": dict(properties), **more}


def items(of: Schema, **more: Any) -> Schema:
    """Returns the schema of a list."""
    return {"type": "array", "items": of, **more}


def one_of(*values: Any) -> Schema:
    """Returns the schema of one of some values."""
    return {"enum": list(values)}


def any_of(*schemas: Schema, **more: Any) -> Schema:
    """Returns the schema of what fits one of some schemas."""
    return {"anyOf": list(schemas), **more}


def whole_number(low: int, high: int | None = None) -> Schema:
    """Returns the schema of a whole number."""
    return {"type": "integer", "minimum": low} | ({} if high is None else {"maximum": high})


def number(low: float, high: float) -> Schema:
    """Returns the schema of a number."""
    return {"type": "number", "minimum": low, "maximum": high}


def or_null(schema: Schema) -> Schema:
    """Returns a schema that lets null stand for an absent field."""
    return any_of(schema, {"type": "null"})


def ref(name: str) -> Schema:
    """Returns the reference to a shared schema."""
    return {"$ref": f"#/components/schemas/{name}"}


SHARED: Mapping[str, Schema] = {
    "Error": obj(
        ["error"],
        {
            "error": obj(
                ["message", "type", "param", "code"],
                {
                    "message": TEXT,
                    "type": TEXT,
                    "param": {"type": ["string", "null"], "description": "the field at fault"},
                    "code": {"type": ["string", "null"]},
                },
            )
        },
        description="OpenAI's shape.",
    ),
    "Suffice": obj(
        ["request_id", "route", "tier", "place", "confidence", "certificate", "escalated"],
        {
            "request_id": NAME,
            "route": NAME,
            "tier": {"type": ["string", "null"]},
            "place": {"enum": ["local", "trusted_local", "remote", "human", None]},
            "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
            "certificate": {
                "type": ["string", "null"],
                "description": "sha256 of the statement that covers it",
            },
            "escalated": YES_OR_NO,
            "why": {"type": "string", "description": "why questions stay open"},
            "ticket": {"type": "string", "description": "the number of a call that a person will answer"},
            "url": {"type": "string", "description": "where a person's answer will be found"},
        },
        description="Who answered, as in the headers.",
    ),
    "Usage": obj(
        ["prompt_tokens", "completion_tokens", "total_tokens"],
        {
            "prompt_tokens": COUNT,
            "completion_tokens": COUNT,
            "total_tokens": COUNT,
            "estimated": YES_OR_NO,
        },
        description="`estimated`: a count comes from the texts' bytes, as the model counts no tokens.",
    ),
    "Ticket": obj(
        ["id", "object", "url", "choices", "suffice"],
        {
            "id": NAME,
            "object": one_of("chat.completion", "text_completion"),
            "url": NAME,
            "choices": {"type": "array", "items": {"type": "object"}, "minItems": 1},
            "usage": ref("Usage"),
            "suffice": ref("Suffice"),
        },
        description="A person will answer; the answer will be found at `url`. The one choice says so, with "
        "the `finish_reason` `content_filter`.",
    ),
    "Model": obj(
        ["id", "object", "created", "owned_by"],
        {"id": NAME, "object": one_of("model"), "created": whole_number(0), "owned_by": TEXT},
    ),
    "Models": obj(["object", "data"], {"object": one_of("list"), "data": items(ref("Model"))}),
    "Health": obj(
        ["status", "troubles"],
        {
            "status": one_of("ok", "degraded"),
            "troubles": {"type": "object", "additionalProperties": TEXT},
        },
    ),
    "Feedback": obj(
        ["request_id"],
        {
            "request_id": NAME,
            "label": or_null({"type": "string", "maxLength": 100_000}),
            "correct": or_null(YES_OR_NO),
            "score": or_null(SHARE),
            "comment": or_null({"type": "string", "maxLength": 100_000}),
        },
        additionalProperties=False,
        description="At least one of `label`, `correct` and `score`.",
    ),
    "FeedbackKept": obj(["object", "request_id"], {"object": one_of("suffice.feedback"), "request_id": NAME}),
}
