"""The schemas of the Responses API."""

from collections.abc import Mapping

from suffice.serve.wire.openapi_parts import (
    ANY_OBJECT,
    COUNT,
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

_PART = any_of(
    obj(["type", "text"], {"type": one_of("input_text", "output_text", "text"), "text": TEXT}),
    obj(["type", "refusal"], {"type": one_of("refusal"), "refusal": TEXT}),
    obj(["type", "image_url"], {"type": one_of("input_image"), "image_url": NAME}),
    obj(["type"], {"type": one_of("input_file", "input_audio")}),
)
_CONTENT = any_of(TEXT, items(_PART))
_ITEM = any_of(
    obj(
        ["role", "content"],
        {
            "type": one_of("message"),
            "role": one_of("user", "assistant", "system", "developer"),
            "content": _CONTENT,
        },
    ),
    obj(
        ["type", "call_id", "name", "arguments"],
        {"type": one_of("function_call"), "call_id": NAME, "name": TEXT, "arguments": TEXT},
    ),
    obj(
        ["type", "call_id", "output"],
        {"type": one_of("function_call_output"), "call_id": NAME, "output": _CONTENT},
    ),
    obj(["type"], {"type": one_of("reasoning")}),
)
_FORMAT = any_of(
    obj(["type"], {"type": one_of("text", "json_object")}),
    obj(["type", "schema"], {"type": one_of("json_schema"), "schema": ANY_OBJECT}),
)
_TOOL = obj(["type", "name"], {"type": one_of("function"), "name": NAME})

RESPONSES: Mapping[str, Schema] = {
    "ResponseRequest": obj(
        ["model", "input"],
        {
            "model": NAME,
            "input": any_of(TEXT, items(_ITEM, minItems=1)),
            "instructions": or_null(TEXT),
            "stream": or_null(YES_OR_NO),
            "max_output_tokens": or_null(whole_number(1)),
            "temperature": or_null(number(0, 2)),
            "top_p": or_null(number(0, 1)),
            "top_logprobs": or_null(whole_number(0, 20)),
            "text": or_null(obj([], {"format": or_null(_FORMAT)})),
            "tools": or_null(items(_TOOL)),
            "tool_choice": or_null(
                any_of(TEXT, obj(["type", "name"], {"type": one_of("function"), "name": TEXT}))
            ),
            "parallel_tool_calls": or_null(YES_OR_NO),
            "include": or_null(items(TEXT)),
            "reasoning": or_null(ANY_OBJECT),
            "metadata": or_null(ANY_OBJECT),
            "store": or_null({**YES_OR_NO, "description": "nothing is kept, whatever it says"}),
        },
        description="Every call holds its whole conversation: there is no `previous_response_id` here.",
    ),
    "Response": obj(
        ["id", "object", "created_at", "status", "model", "output", "usage", "suffice"],
        {
            "id": NAME,
            "object": one_of("response"),
            "created_at": whole_number(0),
            "status": one_of("completed", "incomplete"),
            "model": {"type": "string", "description": "what answered"},
            "output": items(
                any_of(
                    obj(["type", "content"], {"type": one_of("message"), "content": items(ANY_OBJECT)}),
                    obj(["type", "call_id", "name", "arguments"], {"type": one_of("function_call")}),
                )
            ),
            "usage": or_null(
                obj(
                    ["input_tokens", "output_tokens", "total_tokens"],
                    {
                        "input_tokens": COUNT,
                        "output_tokens": COUNT,
                        "total_tokens": COUNT,
                        "estimated": YES_OR_NO,
                    },
                )
            ),
            "suffice": ref("Suffice"),
        },
    ),
}
