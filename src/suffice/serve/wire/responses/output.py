"""A chat's reply as a Response object: its items, its usage, and what was asked."""

from collections.abc import Mapping, Sequence
from typing import Any

from suffice.serve.call import Call
from suffice.serve.reply import Reply
from suffice.serve.wire import chat
from suffice.serve.wire.asked import Json
from suffice.serve.wire.responses.as_chat import functions_of

# Why a chat's answer is not whole, in the words of this API.
_CUT = {"length": "max_output_tokens", "content_filter": "content_filter"}


def whole(call: Call, reply: Reply, created: int) -> dict[str, Any]:
    """Returns the Response object of a reply."""
    done = chat.whole(call, reply, created)
    choice = done["choices"][0]
    return response(
        call,
        model=reply.model,
        created=created,
        output=_items(call, choice),
        finish_reason=str(choice.get("finish_reason") or "stop"),
        usage=done.get("usage"),
    )


def response(
    call: Call,
    *,
    model: str,
    created: int,
    output: Sequence[Json],
    finish_reason: str | None,
    usage: Any = None,
) -> dict[str, Any]:
    """Returns a Response object; `finish_reason` is the chat's, None while it is not finished."""
    asked, cut = call.body, _CUT.get(finish_reason or "")
    status = "in_progress" if finish_reason is None else "incomplete" if cut else "completed"
    return {
        "id": f"resp_{call.id.removeprefix('req_')}",
        "object": "response",
        "created_at": created,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": cut} if cut else None,
        "instructions": None,
        "max_output_tokens": asked.get("max_completion_tokens"),
        "model": model,
        "output": list(output),
        "parallel_tool_calls": asked.get("parallel_tool_calls", True),
        "previous_response_id": None,
        "store": False,
        "temperature": asked.get("temperature"),
        "tool_choice": asked.get("tool_choice", "auto")
        if isinstance(asked.get("tool_choice"), str)
        else "auto",
        "tools": functions_of(asked),
        "top_p": asked.get("top_p"),
        "truncation": "disabled",
        "metadata": {},
        "usage": _usage(usage) if isinstance(usage, Mapping) else None,
    }


def message_item(
    call: Call, parts: Sequence[Json], *, number: int = 0, status: str = "completed"
) -> dict[str, Any]:
    """Returns an item of text; `number` is its place among the items."""
    return {
        "id": f"msg_{call.id.removeprefix('req_')}_{number}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": list(parts),
    }


def text_part(text: str, logprobs: Sequence[Any] = ()) -> dict[str, Any]:
    """Returns the part of an item that is its text; log-probabilities as chats have them."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": list(logprobs)}


def refusal_part(refusal: str) -> dict[str, Any]:
    """Returns the part of an item that refuses an answer."""
    return {"type": "refusal", "refusal": refusal}


def call_item(call: Call, tool_call: Json, *, number: int, status: str = "completed") -> dict[str, Any]:
    """Returns an item that calls a tool, from a chat's `tool_calls`."""
    function = tool_call.get("function")
    named: Mapping[str, Any] = function if isinstance(function, Mapping) else {}
    return {
        "id": f"fc_{call.id.removeprefix('req_')}_{number}",
        "type": "function_call",
        "status": status,
        "call_id": str(tool_call.get("id") or f"call_{number}"),
        "name": str(named.get("name") or ""),
        "arguments": str(named.get("arguments") or ""),
    }


def _items(call: Call, choice: Json) -> list[dict[str, Any]]:
    message = choice["message"]
    parts: list[dict[str, Any]] = []
    logprobs = choice.get("logprobs")
    if content := message.get("content"):
        parts.append(text_part(content, logprobs_of(logprobs)))
    if refusal := message.get("refusal"):
        parts.append(refusal_part(str(refusal)))
    items = [message_item(call, parts)] if parts or not message.get("tool_calls") else []
    for tool_call in message.get("tool_calls") or ():
        items.append(call_item(call, tool_call, number=len(items)))
    return items


def logprobs_of(logprobs: Any) -> Sequence[Any]:
    """Returns the tokens' log-probabilities of a chat's choice; empty where there are none."""
    tokens = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    return tokens if isinstance(tokens, list) else ()


def _usage(usage: Json) -> dict[str, Any]:
    """Returns a chat's usage in this API's names; a server's own may hold anything."""
    read, written = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    prompt, completion = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    cached = prompt.get("cached_tokens") if isinstance(prompt, Mapping) else None
    thought = completion.get("reasoning_tokens") if isinstance(completion, Mapping) else None
    counts = {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": cached or 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": thought or 0},
        "total_tokens": usage.get("total_tokens") or read + written,
    }
    return {**counts, "estimated": True} if usage.get("estimated") else counts


def _count(number: Any) -> int:
    return number if type(number) is int else 0
