"""`/v1/chat/completions`: chats to calls, replies to chat completions and their chunks."""

from collections.abc import Iterator, Mapping
from typing import Any

from suffice.serve.call import Call, Operation
from suffice.serve.reply import Reply
from suffice.serve.wire import body as fields
from suffice.serve.wire.answer_schema import answer_schema
from suffice.serve.wire.asked import Api, Asked, Json, StreamForm
from suffice.serve.wire.chunks import ChunkWriter
from suffice.serve.wire.sampling import (
    SAMPLING,
    SEVERAL,
    check_stream,
    choices_wanted,
    stopped,
    usage_of,
    wants_usage,
)
from suffice.serve.wire.turns import BLANK, check_turns, conversation_of, request_of, system_prompt_of

_CHECKS: Mapping[str, fields.Check] = {
    **SAMPLING,
    "logprobs": fields.a_boolean,
    "top_logprobs": fields.a_whole_number(0, 20),
    "max_completion_tokens": fields.a_whole_number(1),
    "response_format": fields.an_object,
    "tools": fields.a_list_of_objects,
    "functions": fields.a_list_of_objects,
    "modalities": fields.a_list,
}
# What parts of a turn need of a tier, where they are no texts; other kinds by their own name.
_PARTS = {"image_url": "images", "input_audio": "audio", "file": "files"}
_NO_TEXT = "a reply without a user's text"


def read(body: Json) -> Asked:
    """Returns what a chat asks.

    Raises:
        BadCall: the body is no chat; `param` names the field.
    """
    model = fields.required_text(body, "model")
    kinds = check_turns(body.get("messages"))
    fields.check_fields(body, _CHECKS)
    stream = check_stream(body)
    conversation = conversation_of(body)
    request = request_of(conversation)
    return Asked(
        model=model,
        body=body,
        request=request,
        system_prompt=system_prompt_of(conversation),
        stream=stream,
        answer_schema=answer_schema(body.get("response_format")),
        needs=_needs(body, kinds, request.text),
    )


def whole(call: Call, reply: Reply, created: int) -> dict[str, Any]:
    """Returns the completion of a reply: a server's own with the served model's name, or one of a text."""
    if reply.payload is not None:
        return {**reply.payload, "model": reply.model}
    text = stopped(reply.text or "", call.body.get("stop"))
    return {
        "id": f"chatcmpl-{call.id.removeprefix('req_')}",
        "object": "chat.completion",
        "created": created,
        "model": reply.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": usage_of(reply.usage, call.request, text),
    }


def parts(call: Call, reply: Reply, created: int) -> Iterator[dict[str, Any]]:
    """Yields the chunks of a whole reply: each choice's role and text, its end, and usage where asked for."""
    done = whole(call, reply, created)
    frame = {
        "id": done.get("id", f"chatcmpl-{call.id.removeprefix('req_')}"),
        "object": "chat.completion.chunk",
        "created": done.get("created", created),
        "model": reply.model,
    }
    for choice in done.get("choices", ()):
        index = choice.get("index", 0)
        delta = {name: value for name, value in choice["message"].items() if value is not None}
        if "tool_calls" in delta:  # in chunks each call says which one it is
            delta["tool_calls"] = [{"index": at, **one} for at, one in enumerate(delta["tool_calls"])]
        logprobs = choice.get("logprobs")
        yield {**frame, "choices": [_choice(index, delta, logprobs=logprobs)]}
        yield {**frame, "choices": [_choice(index, {}, finish_reason=choice.get("finish_reason"))]}
    if wants_usage(call.body):
        yield {**frame, "choices": [], "usage": done.get("usage")}


def _needs(body: Json, kinds: frozenset[str], text: str) -> frozenset[str]:
    """Returns what a tier must be able to do beyond one text in reply to a text."""
    needs = [_PARTS.get(kind, kind) for kind in kinds]
    needs += [need for need in ("logprobs", "audio") if body.get(need)]
    if (body.get("tools") or body.get("functions")) and body.get("tool_choice") != "none":
        needs.append("tools")
    if choices_wanted(body) > 1:
        needs.append(SEVERAL)
    if not text.strip(BLANK):
        needs.append(_NO_TEXT)
    return frozenset(needs)


def _choice(
    index: int, delta: Json, *, logprobs: Any = None, finish_reason: str | None = None
) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}


API = Api(operation=Operation.CHAT, read=read, whole=whole, stream=StreamForm(parts, ChunkWriter))
