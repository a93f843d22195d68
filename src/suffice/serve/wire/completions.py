"""`/v1/completions`: prompts to calls, replies to text completions and their chunks."""

from collections.abc import Iterator, Mapping
from typing import Any

from suffice.serve.call import Call, Operation
from suffice.serve.errors import BadCall
from suffice.serve.reply import Reply
from suffice.serve.wire import body as fields
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
from suffice.serve.wire.turns import BLANK, text_request

_CHECKS: Mapping[str, fields.Check] = {
    **SAMPLING,
    "max_tokens": fields.a_whole_number(0),
    "logprobs": fields.a_whole_number(0, 20),
    "best_of": fields.a_whole_number(1, 20),
    "echo": fields.a_boolean,
    "suffix": fields.a_text,
}


def read(body: Json) -> Asked:
    """Returns what a prompt asks: one text. Lists of several, and of tokens, are for remote tiers.

    Raises:
        BadCall: the body is no prompt; `param` names the field.
    """
    model = fields.required_text(body, "model")
    fields.check_fields(body, _CHECKS)
    text, needs = _prompt(body.get("prompt"))
    if body.get("logprobs") is not None:
        needs |= {"logprobs"}
    if choices_wanted(body) > 1 or (body.get("best_of") or 1) > 1:
        needs |= {SEVERAL}
    if body.get("suffix"):
        needs |= {"suffix"}
    return Asked(model=model, body=body, request=text_request(text), stream=check_stream(body), needs=needs)


def whole(call: Call, reply: Reply, created: int) -> dict[str, Any]:
    """Returns the completion of a reply: a server's own with the served model's name, or one of a text."""
    if reply.payload is not None:
        return {**reply.payload, "model": reply.model}
    text = stopped(reply.text or "", call.body.get("stop"))
    said = call.request.text + text if call.body.get("echo") else text
    return {
        "id": f"cmpl-{call.id.removeprefix('req_')}",
        "object": "text_completion",
        "created": created,
        "model": reply.model,
        "choices": [{"index": 0, "text": said, "logprobs": None, "finish_reason": "stop"}],
        "usage": usage_of(reply.usage, call.request, text),
    }


def parts(call: Call, reply: Reply, created: int) -> Iterator[dict[str, Any]]:
    """Yields the chunks of a whole reply: one for each choice, and usage where asked for."""
    done = whole(call, reply, created)
    frame = {name: value for name, value in done.items() if name not in {"choices", "usage"}}
    for choice in done.get("choices", ()):
        yield {**frame, "choices": [choice]}
    if wants_usage(call.body):
        yield {**frame, "choices": [], "usage": done.get("usage")}


def _prompt(prompt: Any) -> tuple[str, frozenset[str]]:
    """Returns the one text of a prompt, and what its form needs of a tier."""
    if prompt is None:
        raise BadCall("prompt is missing", param="prompt", code="missing_required_parameter")
    texts = [prompt] if isinstance(prompt, str) else prompt
    if not isinstance(texts, list) or not texts:
        raise fields.wrong(prompt, "prompt", "a text, or a list of texts or tokens")
    if not set(map(type, texts)) <= {str}:
        return "", frozenset({"prompts of tokens"})
    if len(texts) > 1:
        return "\n".join(texts), frozenset({"several prompts at once"})
    return texts[0], frozenset() if texts[0].strip(BLANK) else frozenset({"a reply without a text"})


API = Api(operation=Operation.COMPLETION, read=read, whole=whole, stream=StreamForm(parts, ChunkWriter))
