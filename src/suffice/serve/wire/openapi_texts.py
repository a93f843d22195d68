"""The schemas of chats and completions."""

from collections.abc import Mapping

from suffice.serve.wire.openapi_parts import (
    ANY_OBJECT,
    NAME,
    TEXT,
    YES_OR_NO,
    Schema,
    any_of,
    items,
    number,
    obj,
    one_of,
    or_null,
    ref,
    whole_number,
)

_SAMPLING: Mapping[str, Schema] = {
    "stream": or_null(YES_OR_NO),
    "stream_options": or_null(obj([], {"include_usage": YES_OR_NO})),
    "n": or_null(whole_number(1, 128)),
    "stop": or_null(any_of(NAME, items(NAME, maxItems=4))),
    "temperature": or_null(number(0, 2)),
    "top_p": or_null(number(0, 1)),
    "presence_penalty": or_null(number(-2, 2)),
    "frequency_penalty": or_null(number(-2, 2)),
    "seed": or_null(whole_number(-(2**63), 2**63 - 1)),
    "logit_bias": or_null(ANY_OBJECT),
    "user": or_null(TEXT),
}
_PART = any_of(
    obj(["type", "text"], {"type": one_of("text"), "text": TEXT}),
    obj(["type"], {"type": {"type": "string", "not": {"const": "text"}}}),
)
_CONTENT = any_of(TEXT, items(_PART))
_TURN = any_of(
    obj(["role", "content"], {"role": one_of("system", "developer", "user", "tool"), "content": _CONTENT}),
    obj(["role"], {"role": one_of("assistant", "function"), "content": or_null(_CONTENT)}),
)
_RESPONSE_FORMAT = any_of(
    obj(["type"], {"type": one_of("text", "json_object")}),
    obj(
        ["type", "json_schema"],
        {"type": one_of("json_schema"), "json_schema": obj(["schema"], {"schema": ANY_OBJECT})},
    ),
)


def _reply(kind: str, choice: Schema) -> Schema:
    return obj(
        ["model", "choices", "suffice"],
        {
            "id": TEXT,
            "object": {"type": "string", "examples": [kind]},
            "created": {"type": "integer"},
            "model": {"type": "string", "description": "what answered"},
            "choices": items(choice),
            "usage": {"anyOf": [ref("Usage"), ANY_OBJECT, {"type": "null"}]},
            "suffice": ref("Suffice"),
        },
    )


TEXTS: Mapping[str, Schema] = {
    "ChatRequest": obj(
        ["model", "messages"],
        {
            "model": NAME,
            "messages": items(_TURN, minItems=1),
            **_SAMPLING,
            "max_tokens": or_null(whole_number(1)),
            "max_completion_tokens": or_null(whole_number(1)),
            "logprobs": or_null(YES_OR_NO),
            "top_logprobs": or_null(whole_number(0, 20)),
            "response_format": or_null(_RESPONSE_FORMAT),
            "tools": or_null(items(ANY_OBJECT)),
            "functions": or_null(items(ANY_OBJECT)),
            "modalities": or_null(items({})),
        },
    ),
    "Chat": _reply(
        "chat.completion",
        obj(
            ["index", "message"],
            {"index": whole_number(0), "message": ANY_OBJECT, "finish_reason": {"type": ["string", "null"]}},
        ),
    ),
    "CompletionRequest": obj(
        ["model", "prompt"],
        {
            "model": NAME,
            "prompt": any_of(TEXT, {"type": "array", "minItems": 1}),
            **_SAMPLING,
            "max_tokens": or_null(whole_number(0)),
            "logprobs": or_null(whole_number(0, 20)),
            "best_of": or_null(whole_number(1, 20)),
            "echo": or_null(YES_OR_NO),
            "suffix": or_null(TEXT),
        },
    ),
    "Completion": _reply(
        "text_completion",
        obj(
            ["index", "text"],
            {"index": whole_number(0), "text": TEXT, "finish_reason": {"type": ["string", "null"]}},
        ),
    ),
}
