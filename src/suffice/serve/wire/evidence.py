"""The input that a decision is about, as a local model reads it: the turns of a conversation, or a text."""

from typing import Any

from suffice.ports import Request
from suffice.serve.errors import BadCall
from suffice.serve.wire import body as fields
from suffice.serve.wire.turns import check_turns, conversation_of, request_of, system_prompt_of, text_request

_TEXTS = frozenset({"input_text", "output_text", "text"})
_PARTS = {"input_image": "images", "input_json": "an input that is a text"}
# Items beside messages; what a tool said is a turn, the call itself has no words.
_SAID = {"function_call_output": "output", "custom_tool_call_output": "output"}
_SILENT = frozenset({"function_call", "custom_tool_call"})
NO_TEXT = "an input that is a text"


class Evidence:
    """One input: what is read of it, its system prompt, and what it needs of a tier."""

    def __init__(self, request: Request, *, system_prompt: str | None = None, needs: set[str]) -> None:
        self.request = request
        self.system_prompt = system_prompt
        self.needs = needs
        if not request.text.strip():
            needs.add(NO_TEXT)


def evidence_in(value: Any, param: str) -> Evidence:
    """Returns what a text, or a list of messages and tools' words, holds.

    Raises:
        BadCall: it is neither; `param` names the place.
    """
    if isinstance(value, str):
        return Evidence(text_request(value), needs=set())
    if not isinstance(value, list) or not value:
        raise fields.wrong(value, param, "a text, or a list of at least one message")
    needs: set[str] = set()
    turns = [
        turn
        for number, item in enumerate(value)
        if (turn := _turn(item, f"{param}[{number}]", needs)) is not None
    ]
    check_turns(turns or None)
    conversation = conversation_of({"messages": turns})
    return Evidence(request_of(conversation), system_prompt=system_prompt_of(conversation), needs=needs)


def _turn(item: Any, param: str, needs: set[str]) -> dict[str, Any] | None:
    """Returns an item as a chat's turn, None for one without words."""
    fields.an_object(item, param)
    kind = item.get("type", "message")
    if kind == "message":
        if not isinstance(item.get("role"), str):
            raise fields.wrong(item.get("role"), f"{param}.role", "a text")
        return {"role": item["role"], "content": _words(item.get("content"), f"{param}.content", needs)}
    if not isinstance(kind, str) or (kind not in _SAID and kind not in _SILENT):
        raise fields.wrong(kind, f"{param}.type", f"one of message, {', '.join(sorted({*_SAID, *_SILENT}))}")
    if kind in _SILENT:
        return None
    return {"role": "tool", "content": _words(item.get(_SAID[kind]), f"{param}.{_SAID[kind]}", needs)}


def _words(content: Any, param: str, needs: set[str]) -> str:
    """Returns the text of a content, its text parts joined by line breaks."""
    if isinstance(content, str):
        return content
    if content is None:
        raise BadCall(f"{param} is missing", param=param, code="missing_required_parameter")
    fields.a_list_of_objects(content, param)
    texts = []
    for number, part in enumerate(content):
        kind = part.get("type")
        if not isinstance(kind, str):
            raise fields.wrong(kind, f"{param}[{number}].type", 'a text, e.g. "input_text"')
        if kind in _TEXTS:
            fields.a_text(part.get("text"), f"{param}[{number}].text")
            texts.append(part["text"])
        elif kind != "refusal":
            needs.add(_PARTS.get(kind, kind[:60]))
    return "\n".join(texts)
