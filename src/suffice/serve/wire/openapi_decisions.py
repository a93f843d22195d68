"""The schemas of decisions, System One's questions, and vectors."""

from collections.abc import Mapping

from suffice.serve.wire.openapi_parts import (
    ANY_OBJECT,
    COUNT,
    NAME,
    SHARE,
    TEXT,
    YES_OR_NO,
    Schema,
    any_of,
    items,
    obj,
    one_of,
    or_null,
    ref,
    whole_number,
)

_INSTRUCTIONS = any_of(TEXT, items(ANY_OBJECT))
_VALUE = any_of(TEXT, YES_OR_NO)
_OPEN_NAME: Schema = {"type": ["string", "null"]}
_MODEL: Schema = {"type": "string", "description": "what answered"}
_SHARES: Schema = {"type": "object", "additionalProperties": SHARE}


def _question(kind: str, required: list[str], **more: Schema) -> Schema:
    return obj(
        ["type", "instructions", *required],
        {"type": one_of(kind), "instructions": _INSTRUCTIONS, **more},
    )


def _answer(kind: str, **fields: Schema) -> Schema:
    return obj(["type", *fields], {"type": one_of(kind), **fields})


_ASKED = any_of(
    _question("predicate", [], name=or_null(TEXT)),
    _question(
        "choice",
        ["choices"],
        choices=items(obj(["value"], {"value": _VALUE}), minItems=2, maxItems=255),
        name=or_null(TEXT),
    ),
    _question(
        "score",
        ["levels"],
        levels=items(obj(["label"], {"label": TEXT}), minItems=1, maxItems=255),
        name=or_null(TEXT),
    ),
)
_DECIDED = any_of(
    _answer("predicate", name=_OPEN_NAME, probability=SHARE),
    _answer(
        "choice",
        name=_OPEN_NAME,
        choice=_VALUE,
        confidence=SHARE,
        probabilities=items(obj(["value", "probability"], {"value": _VALUE, "probability": SHARE})),
    ),
    _answer(
        "score",
        name=_OPEN_NAME,
        score={"type": "number"},
        confidence=SHARE,
        probabilities=items(
            obj(
                ["label", "value", "probability"],
                {"label": TEXT, "value": whole_number(0), "probability": SHARE},
            )
        ),
    ),
    _answer("refusal", name=_OPEN_NAME),
)
_ASKED_ONE = any_of(
    _question("noul", [], criteria=or_null(ANY_OBJECT)),
    _question("choice", ["criteria"], criteria={"type": "object", "minProperties": 1, "maxProperties": 255}),
    _question("score", ["criteria"], criteria=items(TEXT, minItems=1, maxItems=10)),
)
_DECIDED_ONE = any_of(
    _answer("noul", noul=SHARE),
    _answer("choice", choice=_VALUE, confidence=SHARE, probabilities=_SHARES),
    _answer("score", score={"type": "number"}, confidence=SHARE, probabilities=_SHARES),
)

DECISIONS: Mapping[str, Schema] = {
    "DecisionRequest": obj(
        ["model", "input", "questions"],
        {
            "model": NAME,
            "input": any_of(TEXT, items(ANY_OBJECT, minItems=1)),
            "questions": items(_ASKED, minItems=1, maxItems=400),
            "prompt_cache_key": or_null(TEXT),
            "prompt_cache_options": or_null(ANY_OBJECT),
            "safety_identifier": or_null(TEXT),
        },
    ),
    "Decision": obj(
        ["model", "answers", "suffice"],
        {
            "model": _MODEL,
            "answers": items(_DECIDED, description="in the order of the questions"),
            "usage": obj(
                ["input_tokens", "output_tokens"],
                {
                    "input_tokens": COUNT,
                    "input_tokens_details": ANY_OBJECT,
                    "output_tokens": COUNT,
                    "output_tokens_details": ANY_OBJECT,
                    "total_tokens": COUNT,
                },
            ),
            "suffice": ref("Suffice"),
        },
    ),
    "SystemOneRequest": obj(
        ["model", "state", "questions"],
        {
            "model": NAME,
            "state": any_of(TEXT, ANY_OBJECT, {"type": "array"}),
            "questions": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 400,
                "additionalProperties": _ASKED_ONE,
            },
        },
    ),
    "SystemOne": obj(
        ["model", "answers", "suffice"],
        {
            "model": _MODEL,
            "answers": {"type": "object", "additionalProperties": _DECIDED_ONE},
            "usage": obj(["input_tokens", "output_tokens"], {"input_tokens": COUNT, "output_tokens": COUNT}),
            "suffice": ref("Suffice"),
        },
    ),
    "EmbeddingRequest": obj(
        ["model", "input"],
        {
            "model": NAME,
            "input": any_of(
                TEXT,
                items(TEXT, minItems=1, maxItems=2048),
                items(whole_number(0), minItems=1),
                items(items(whole_number(0), minItems=1), minItems=1),
            ),
            "encoding_format": or_null(one_of("float", "base64")),
            "dimensions": or_null(whole_number(1)),
            "user": or_null(TEXT),
        },
    ),
    "Embeddings": obj(
        ["object", "data", "model", "suffice"],
        {
            "object": one_of("list"),
            "data": items(
                obj(
                    ["object", "index", "embedding"],
                    {
                        "object": one_of("embedding"),
                        "index": whole_number(0),
                        "embedding": any_of(items({"type": "number"}), TEXT),
                    },
                )
            ),
            "model": _MODEL,
            "usage": obj(["prompt_tokens", "total_tokens"], {"prompt_tokens": COUNT, "total_tokens": COUNT}),
            "suffice": ref("Suffice"),
        },
    ),
}
