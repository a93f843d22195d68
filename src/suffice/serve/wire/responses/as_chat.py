"""What a Responses body asks, as the body of a chat; what has no meaning there is refused by name."""

from collections.abc import Mapping, Sequence
from typing import Any

from suffice.serve.errors import BadCall
from suffice.serve.wire import body as fields
from suffice.serve.wire.asked import Json
from suffice.serve.wire.responses.turns import turns_of

_CHECKS: Mapping[str, fields.Check] = {
    "instructions": fields.a_text,
    "stream": fields.a_boolean,
    "stream_options": fields.an_object,
    "background": fields.a_boolean,
    "store": fields.a_boolean,
    "max_output_tokens": fields.a_whole_number(1),
    "temperature": fields.a_number(0, 2),
    "top_p": fields.a_number(0, 1),
    "top_logprobs": fields.a_whole_number(0, 20),
    "include": fields.a_list,
    "tools": fields.a_list_of_objects,
    "parallel_tool_calls": fields.a_boolean,
    "text": fields.an_object,
    "reasoning": fields.an_object,
    "metadata": fields.an_object,
    "user": fields.a_text,
}
# What only a server that keeps conversations can do.
_STATEFUL = ("previous_response_id", "conversation", "prompt", "background")
# Read here, or without a meaning for a chat; every other field is passed on as it is.
_READ_HERE = frozenset(
    {
        "input",
        "instructions",
        "stream",
        "stream_options",
        "store",
        "max_output_tokens",
        "top_logprobs",
        "include",
        "tools",
        "tool_choice",
        "text",
        "reasoning",
        "metadata",
        "truncation",
        "max_tool_calls",
        *_STATEFUL,
    }
)
_LOGPROBS = "message.output_text.logprobs"


def chat_body_of(body: Json) -> dict[str, Any]:
    """Returns the chat that asks the same.

    Raises:
        BadCall: a field cannot be used, or needs a server that keeps conversations; `param` names it.
    """
    fields.check_fields(body, _CHECKS)
    for name in _STATEFUL:
        if body.get(name):
            message = f"{name}: this gateway keeps no conversations; send all turns as `input`"
            raise BadCall(message, param=name, code="unsupported_parameter")
    chat = {name: value for name, value in body.items() if name not in _READ_HERE}
    chat["messages"] = turns_of(body.get("input"), body.get("instructions"))
    if body.get("stream"):
        chat |= {"stream": True, "stream_options": {"include_usage": True}}
    if body.get("max_output_tokens") is not None:
        chat["max_completion_tokens"] = body["max_output_tokens"]
    if _LOGPROBS in (body.get("include") or ()):
        chat |= {"logprobs": True, "top_logprobs": body.get("top_logprobs") or 0}
    if (effort := (body.get("reasoning") or {}).get("effort")) is not None:
        chat["reasoning_effort"] = effort
    return {**chat, **_tools(body), **_text(body.get("text") or {})}


def _tools(body: Json) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if body.get("tools"):
        found["tools"] = [_tool(tool, f"tools[{index}]") for index, tool in enumerate(body["tools"])]
    choice = body.get("tool_choice")
    if isinstance(choice, str):
        found["tool_choice"] = choice
    elif choice is not None:
        fields.an_object(choice, "tool_choice")
        if choice.get("type") != "function" or not isinstance(choice.get("name"), str):
            raise fields.wrong(choice.get("type"), "tool_choice.type", '"function" with a name')
        found["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
    return found


def _tool(tool: Json, param: str) -> dict[str, Any]:
    """Returns a function as chats describe it; the tools that OpenAI runs itself are not here to be run."""
    if tool.get("type") != "function":
        raise fields.wrong(tool.get("type"), f"{param}.type", '"function": no tool is run by this gateway')
    fields.required_text(tool, "name")
    return {"type": "function", "function": {name: value for name, value in tool.items() if name != "type"}}


def _text(text: Json) -> dict[str, Any]:
    """Returns how the answer must be formed, as chats say it."""
    found: dict[str, Any] = {}
    if text.get("verbosity") is not None:
        found["verbosity"] = text["verbosity"]
    wanted = text.get("format")
    if wanted is None:
        return found
    fields.an_object(wanted, "text.format")
    kind = wanted.get("type")
    if not isinstance(kind, str) or kind not in {"text", "json_object", "json_schema"}:
        raise fields.wrong(kind, "text.format.type", '"text", "json_object" or "json_schema"')
    if kind != "json_schema":
        return {**found, "response_format": {"type": kind}}
    fields.an_object(wanted.get("schema"), "text.format.schema")
    described = {name: value for name, value in wanted.items() if name != "type"}
    return {**found, "response_format": {"type": kind, "json_schema": described}}


def functions_of(chat: Json) -> Sequence[dict[str, Any]]:
    """Returns a chat's tools as Responses bodies describe them."""
    return [{"type": "function", **tool["function"]} for tool in chat.get("tools") or ()]
