"""The items of a Responses body's `input`, as the turns of a chat."""

from typing import Any

from suffice.serve.errors import BadCall
from suffice.serve.wire import body as fields
from suffice.serve.wire.asked import Json

_ROLES = frozenset({"user", "assistant", "system", "developer"})
_TEXTS = frozenset({"input_text", "output_text", "text"})


def turns_of(given: Any, instructions: str | None) -> list[dict[str, Any]]:
    """Returns the turns, instructions first as a system turn; thoughts of a model (`reasoning`) are left out.

    Raises:
        BadCall: `input` is neither a text nor a list of items that a chat can hold.
    """
    if given is None:
        raise BadCall("input is missing", param="input", code="missing_required_parameter")
    turns: list[dict[str, Any]] = []
    if instructions:
        turns.append({"role": "system", "content": instructions})
    if isinstance(given, str):
        return [*turns, {"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise fields.wrong(given, "input", "a text or a list of at least one item")
    for index, item in enumerate(given):
        _take(item, turns, f"input[{index}]")
    return turns


def _take(item: Any, turns: list[dict[str, Any]], param: str) -> None:
    fields.an_object(item, param)
    match item.get("type", "message"):
        case "message":
            turns.append(_message(item, param))
        case "function_call":
            _add_call(item, turns, param)
        case "function_call_output":
            call_id = _text_at(item, "call_id", param)
            content = _content(item.get("output"), f"{param}.output")
            turns.append({"role": "tool", "tool_call_id": call_id, "content": content})
        case "reasoning":
            pass
        case other:
            expected = '"message", "function_call", "function_call_output" or "reasoning"'
            raise fields.wrong(other, f"{param}.type", expected)


def _message(item: Json, param: str) -> dict[str, Any]:
    role = item.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise fields.wrong(role, f"{param}.role", f"one of {', '.join(sorted(_ROLES))}")
    return {"role": role, "content": _content(item.get("content"), f"{param}.content")}


def _add_call(item: Json, turns: list[dict[str, Any]], param: str) -> None:
    """Adds a call of a tool to the assistant's turn before it: chats hold all of one turn together."""
    function = {name: _text_at(item, name, param, may_be_empty=True) for name in ("name", "arguments")}
    call = {"id": _text_at(item, "call_id", param), "type": "function", "function": function}
    if turns and turns[-1]["role"] == "assistant":
        turns[-1].setdefault("tool_calls", []).append(call)
    else:
        turns.append({"role": "assistant", "content": None, "tool_calls": [call]})


def _content(content: Any, param: str) -> str | list[dict[str, Any]]:
    """Returns a content as chats hold it: one text alone as a text, which every server understands."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise fields.wrong(content, param, "a text or a list of parts")
    parts = [_part(part, f"{param}[{index}]") for index, part in enumerate(content)]
    return parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts


def _part(part: Any, param: str) -> dict[str, Any]:
    fields.an_object(part, param)
    kind = _text_at(part, "type", param)
    if kind in _TEXTS:
        return {"type": "text", "text": _text_at(part, "text", param, may_be_empty=True)}
    if kind == "refusal":
        return {"type": "refusal", "refusal": _text_at(part, "refusal", param, may_be_empty=True)}
    if kind == "input_image":
        image = {"url": _text_at(part, "image_url", param)}
        if part.get("detail") is not None:
            image["detail"] = part["detail"]
        return {"type": "image_url", "image_url": image}
    if kind in {"input_file", "input_audio"}:
        name = kind.removeprefix("input_")
        inner = part.get(kind) or {key: value for key, value in part.items() if key != "type"}
        return {"type": name if name == "file" else kind, name if name == "file" else kind: inner}
    expected = '"input_text", "output_text", "refusal", "input_image", "input_file" or "input_audio"'
    raise fields.wrong(kind, f"{param}.type", expected)


def _text_at(value: Json, name: str, param: str, *, may_be_empty: bool = False) -> str:
    text = value.get(name)
    if not isinstance(text, str) or not (text or may_be_empty):
        raise fields.wrong(text, f"{param}.{name}", "a text" if may_be_empty else "a text that is not empty")
    return text
