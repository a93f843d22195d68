"""What a server's reply says: whether it is one, its text, its usage, and signs that it read too little."""

from collections.abc import Mapping, Sequence
from typing import Any

from suffice.models.http.chat import usage_of
from suffice.ports import Usage
from suffice.serve.call import Operation

# More bytes a token than any usual text has (English about 4, long runs of spaces and code up to 8).
_MOST_BYTES_PER_TOKEN = 12
_SHORTEST_JUDGED_BYTES = 4096


def text_of(operation: Operation, payload: Any) -> str | None:
    """Returns the first answer's text, "" for one without words (tool calls, a refusal, a vector).

    None where the reply has not the form of the operation.
    """
    if operation is Operation.CHAT:
        return _chats_text(payload)
    match operation, payload:
        case Operation.COMPLETION, {"choices": [{"text": str() as text}, *others]} if all(
            isinstance(other, Mapping) for other in others
        ):
            return text
        case Operation.EMBEDDING, {"data": [{"embedding": list() | str()}, *_]}:
            return ""
        case Operation.DECISION, {"answers": [{"type": str()}, *_]}:
            return ""
        case Operation.SYSTEM_ONE, {"answers": {**answers}} if answers:
            return ""
        case _:
            return None


def _chats_text(payload: Any) -> str | None:
    """Returns the first message's text; None where not every choice has a message, with objects as calls."""
    choices = payload.get("choices") if type(payload) is dict else None
    if type(choices) is not list or not choices:
        return None
    for choice in choices:
        message = choice.get("message") if type(choice) is dict else None
        if type(message) is not dict:
            return None
        calls = message.get("tool_calls")
        if calls and not (type(calls) is list and all(type(call) is dict for call in calls)):
            return None
    content = choices[0]["message"].get("content")
    return content if type(content) is str else ("" if content is None else None)


def begins(choices: Sequence[Any]) -> bool:
    """Says whether an answer has begun with a chunk's choices: words, a role, a tool call, or its end."""
    for choice in choices:
        delta = choice.get("delta")
        words = choice.get("text") or choice.get("finish_reason")
        if words or (isinstance(delta, dict) and any(delta.values())):
            return True
    return False


def error_in(value: Any) -> Any:
    """Returns the error object within an event or a reply, None where there is none."""
    return value.get("error") if isinstance(value, dict) else None


def cut_context(*, sent_bytes: int, usage: Usage) -> str:
    """Returns a remark where a server read far fewer tokens than the text must have, else "".

    Servers cut long inputs without a word: the only sign is `usage.prompt_tokens`. This finds gross cuts
    only: tokens of usual text have 2 to 8 bytes, and less than one in 12 raises the remark.
    """
    tokens = usage.input_tokens
    if tokens is None or sent_bytes < _SHORTEST_JUDGED_BYTES or tokens * _MOST_BYTES_PER_TOKEN >= sent_bytes:
        return ""
    return f"the server counts {tokens} tokens in a text of {sent_bytes} bytes: it may have cut the text"


def usage_in(payload: Mapping[str, Any]) -> Usage:
    """Returns the tokens that a reply or chunk states, by the names of its API; vectors are no tokens."""
    said = payload.get("usage")
    if not isinstance(said, dict) or "completion_tokens" in said:
        return usage_of(said)
    if "input_tokens" in said:
        said = {"prompt_tokens": said["input_tokens"], "completion_tokens": said.get("output_tokens")}
    elif isinstance(payload.get("data"), list):
        said = {**said, "completion_tokens": 0}
    return usage_of(said)
