"""What was asked and answered in one record: OpenAI Chat and Responses, Anthropic Messages, decision APIs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from suffice.readers import decisions
from suffice.task import Message


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """The turns before the answer, and the answer; None where nobody answered."""

    messages: tuple[Message, ...]
    answer: str | None
    failed: bool = False  # the model was asked and returned an error

    @property
    def last_user(self) -> str | None:
        """Returns the text of the last user turn."""
        return next((turn.content for turn in reversed(self.messages) if turn.role == "user"), None)


def of_record(record: Mapping[str, Any]) -> Conversation | None:
    """Returns the conversation of a record, or None where it holds none.

    Known shapes: {messages: [...]} with the answer as last assistant turn (chat, fine-tuning);
    {request, response} of Chat Completions, Responses or Anthropic Messages, also wrapped in {body}
    (logs, flywheel, batch); request and response fields side by side in one object. Of decision APIs
    the requests with one question of type choice.
    """
    request = _body(record.get("request", record.get("body", record)))
    response = _body(record.get("response", record))
    if decisions.is_decision(request):
        return _decision(request, response)
    asked = request_messages(request)
    if asked is None:
        return None
    answer = response_text(response)
    if answer is None and response is request and asked and asked[-1].role == "assistant":
        return Conversation(messages=asked[:-1], answer=asked[-1].content)
    return Conversation(messages=asked, answer=answer, failed=answer is None and failed(record))


def request_messages(request: Any) -> tuple[Message, ...] | None:
    """Returns the turns of a request body, the system prompt first; None where there are none."""
    if not isinstance(request, Mapping):
        return None
    turns = request.get("messages")
    if turns is None and ("instructions" in request or "output" in request or "model" in request):
        turns = request.get("input")  # Responses API: a text, or a list of items
    if isinstance(turns, str):
        turns = [{"role": "user", "content": turns}]
    if not isinstance(turns, Sequence) or not turns or not all(isinstance(turn, Mapping) for turn in turns):
        return None
    system = text_of(request.get("system")) or text_of(request.get("instructions"))
    first = (Message(role="system", content=system),) if system else ()
    return first + tuple(_turn(turn) for turn in turns if turn.get("role"))


def response_text(response: Any) -> str | None:
    """Returns the answer's text, or a tool call's arguments where the answer is a call; None where absent."""
    if isinstance(response, str):
        return response
    if not isinstance(response, Mapping):
        return None
    choices = response.get("choices")
    if isinstance(choices, Sequence) and choices and isinstance(choices[0], Mapping):
        message = choices[0].get("message")
        return _content(message) if isinstance(message, Mapping) else None
    if isinstance(response.get("output"), Sequence):
        return _output_text(response["output"])
    if response.get("role") == "assistant":
        return _content(response)
    return None


def failed(record: Mapping[str, Any]) -> bool:
    """Says whether a record tells of a call that failed."""
    response = record.get("response")
    status = response.get("status_code", 200) if isinstance(response, Mapping) else 200
    inner = _body(response)
    return (
        bool(record.get("error"))
        or status != 200
        or (isinstance(inner, Mapping) and bool(inner.get("error")))
    )


def _decision(request: Mapping[str, Any], response: Any) -> Conversation | None:
    choice = decisions.choice_asked(request)
    if choice is None:
        return None
    asked = request_messages({"model": "", "input": choice.material, "instructions": choice.instructions})
    if asked is None:
        return None
    made = decisions.choice_made(response, choice.name)
    return Conversation(messages=asked, answer=made, failed=made is None)


def text_of(content: Any) -> str | None:
    """Returns a content's text: a text itself, or its text parts joined by newlines."""
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence):
        texts = [part.get("text") for part in content if isinstance(part, Mapping)]
        found = [text for text in texts if isinstance(text, str)]
        return "\n".join(found) if found else None
    return None


def _body(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)  # some logs keep bodies as text
        except (ValueError, RecursionError):
            return value
    if isinstance(value, Mapping) and isinstance(value.get("body"), Mapping):
        return value["body"]
    return value


def _turn(turn: Mapping[str, Any]) -> Message:
    role = "system" if turn["role"] == "developer" else str(turn["role"])
    return Message(role=role, content=_content(turn) or "")


def _content(message: Mapping[str, Any]) -> str | None:
    text = text_of(message.get("content"))
    if text is not None:
        return text
    calls = message.get("tool_calls") or []
    for call in calls if isinstance(calls, Sequence) else []:
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            return str(function.get("arguments", ""))
    for part in message.get("content") or []:
        if isinstance(part, Mapping) and part.get("type") == "tool_use":
            return json.dumps(part.get("input"), ensure_ascii=False, sort_keys=True)
    return None


def _output_text(items: Sequence[Any]) -> str | None:
    for item in reversed(items):
        if isinstance(item, Mapping) and item.get("type") == "message":
            return text_of(item.get("content"))
    for item in items:
        if isinstance(item, Mapping) and item.get("type") == "function_call":
            return str(item.get("arguments", ""))
    return None
