"""What was asked and answered, found again in the bodies that were kept."""

from collections.abc import Mapping
from typing import Any

import orjson

from suffice.ports import Request
from suffice.serve.errors import BadCall
from suffice.serve.event import Event
from suffice.serve.wire import chat, completions, decisions, systemone
from suffice.serve.wire.asked import Api

# Of other operations the input's text is taken, as far as there is one.
_APIS: Mapping[str, Api] = {
    api.operation.value: api for api in (chat.API, completions.API, decisions.API, systemone.API)
}


def request_of(event: Event) -> Request | None:
    """Returns the request as it was read then; None where the text was not kept, or cannot be read again."""
    if event.request_text is None:
        return None
    try:
        body = orjson.loads(event.request_text)
    except orjson.JSONDecodeError:
        return Request(text=event.request_text)
    if not isinstance(body, dict):
        return None
    api = _APIS.get(event.operation)
    if api is None:
        text = text_of(body)
        return None if text is None else Request(text=text)
    try:
        return api.read(body).request
    except BadCall:
        return None


def request_in(body: Mapping[str, Any]) -> Request | None:
    """Returns a chat's or a prompt's body as a local model reads it; None where it cannot be read."""
    api = chat.API if "messages" in body else completions.API
    try:
        return api.read(body).request
    except BadCall:
        return None


def answer_in(event: Event) -> str | None:
    """Returns the answer's text in a kept reply; None where it has none of its own, e.g. a stream."""
    try:
        body = orjson.loads(event.response_text or "")
    except orjson.JSONDecodeError:
        return None
    return text_in_reply(body)


def text_in_reply(body: Any) -> str | None:
    """Returns the first choice's text of a completion, None where it has none."""
    choices = body.get("choices") if isinstance(body, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, dict):
        return None
    message = first.get("message")
    said = message.get("content") if isinstance(message, dict) else first.get("text")
    return said if isinstance(said, str) else None


def text_of(body: Mapping[str, Any]) -> str | None:
    """Returns the text that a body asks about, for a list: a chat's last user turn, else its input."""
    turns = body.get("messages")
    if isinstance(turns, list):
        said = [turn for turn in turns if isinstance(turn, dict) and turn.get("role") == "user"]
        return _joined(said[-1].get("content")) if said else None
    for name in ("input", "prompt", "state"):
        if name in body:
            return _joined(body[name])
    return None


def _joined(content: Any) -> str | None:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part if isinstance(part, str) else _part_text(part) for part in content]
        return "\n".join(part for part in parts if part) or None
    return None


def _part_text(part: Any) -> str:
    text = part.get("text") if isinstance(part, dict) else None
    return text if isinstance(text, str) else ""
