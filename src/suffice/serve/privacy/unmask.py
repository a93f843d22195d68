"""Puts values back into what a remote tier replies: whole texts, JSON replies, and streams in parts."""

import copy
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from suffice.serve.reply import closed

_Field = tuple[str, ...]
# As every placeholder: a pattern of all of a call's would take seconds to compile for thousands.
_BRACKETED = re.compile(r"\[[^\[\]]+\]")


class Unmasking:
    """Puts values back into a text that comes in parts; holds back at most a placeholder that has begun.

    All parts that `feed` returns, and what `finish` returns, are together what a whole text would give.
    """

    def __init__(self, values: Mapping[str, str], *, as_json: bool = False) -> None:
        """Takes the values by placeholder; `as_json`: the text is JSON, and values are escaped for it."""
        self._values = {name: _escaped(value) if as_json else value for name, value in values.items()}
        self._longest = max(map(len, self._values), default=0)
        self._held = ""

    def anew(self) -> "Unmasking":
        """Returns another for the same values, which both know without a copy, and nothing held back."""
        other = copy.copy(self)
        other.finish()
        return other

    def feed(self, part: str) -> str:
        """Returns what is sure so far of a part and what was held back before it."""
        text = self._held + part
        cut = self._begun(text)
        self._held = text[cut:]
        return self._restored(text[:cut])

    def finish(self) -> str:
        """Returns what is still held back: it never became a placeholder."""
        held, self._held = self._held, ""
        return held

    def whole(self, text: str) -> str:
        """Returns a whole text with the values put back."""
        return self._restored(text)

    def _restored(self, text: str) -> str:
        if not self._values or "[" not in text:
            return text
        return _BRACKETED.sub(lambda match: self._values.get(match.group(), match.group()), text)

    def _begun(self, text: str) -> int:
        """Returns where a placeholder may have begun at the end of a text; its length if none has."""
        start = text.rfind("[", max(0, len(text) - self._longest + 1))
        begun = text[start:] if start >= 0 else ""
        if begun and any(len(name) > len(begun) and name.startswith(begun) for name in self._values):
            return start
        return len(text)


class CallRestorer:
    """Puts one call's values back into replies (`serve.restorer.Restorer`)."""

    def __init__(self, values: Mapping[str, str], *, as_json: bool = False) -> None:
        """Takes the values by placeholder; `as_json`: the call asked for answers in JSON."""
        self._values = values
        self._text = Unmasking(values, as_json=as_json)
        self._json = Unmasking(values, as_json=True)

    def __repr__(self) -> str:
        """Returns how many values it knows; never a value."""
        return f"CallRestorer({len(self._values)})"

    def text(self, text: str) -> str:
        """Returns a text with the values in place of the placeholders."""
        return self._text.whole(text)

    def payload(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Returns a server's whole JSON reply with the values put back; tool arguments stay valid JSON."""
        return {key: self._value(value, key) for key, value in payload.items()}

    def _value(self, value: Any, key: str) -> Any:
        if isinstance(value, str):
            return (self._json if key == "arguments" else self._text).whole(value)
        if isinstance(value, dict):
            return {self._text.whole(name): self._value(below, name) for name, below in value.items()}
        if isinstance(value, list):
            return [self._value(each, key) for each in value]
        return value

    async def chunks(self, chunks: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[Mapping[str, Any]]:
        """Returns a stream's chunks with the values put back, also where a placeholder is split over some."""
        # A server may write to any number of texts at once.
        stream = _Stream(lambda as_json: (self._json if as_json else self._text).anew())
        last: Mapping[str, Any] = {}
        try:
            async for chunk in chunks:
                last = chunk if chunk.get("choices") else last
                yield stream.chunk(chunk)
            rest = stream.rest(last)
            if rest is not None:
                yield rest
        finally:
            await closed(chunks)


class _Stream:
    """The texts of one stream, each with what is held back of it: by choice, field and tool call."""

    def __init__(self, unmasking: Callable[[bool], Unmasking]) -> None:
        self._unmasking = unmasking
        self._texts: dict[_Field, Unmasking] = {}

    def chunk(self, chunk: Mapping[str, Any]) -> dict[str, Any]:
        """Returns one chunk with the values put back; the last of a choice also has what was held back."""
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            return dict(chunk)
        return {**chunk, "choices": [self._choice(choice) for choice in choices]}

    def rest(self, last: Mapping[str, Any]) -> dict[str, Any] | None:
        """Returns a chunk with what is still held back at the end, None where nothing is."""
        indices = list(dict.fromkeys(field[0] for field in self._texts))
        choices = [self._ended({"index": int(index), "finish_reason": None}) for index in indices]
        choices = [choice for choice in choices if len(choice) > 2]
        return {**last, "choices": choices} if choices else None

    def _choice(self, choice: Any) -> Any:
        if not isinstance(choice, dict):
            return choice
        index = str(choice.get("index", 0))
        found = dict(choice)
        if isinstance(choice.get("text"), str):
            found["text"] = self._fed((index, "text"), choice["text"])
        if isinstance(choice.get("delta"), dict):
            found["delta"] = self._delta(index, choice["delta"])
        return self._ended(found) if choice.get("finish_reason") is not None else found

    def _delta(self, index: str, delta: dict[str, Any]) -> dict[str, Any]:
        found = {
            name: self._fed((index, name), value) if isinstance(value, str) and name != "role" else value
            for name, value in delta.items()
        }
        if isinstance(delta.get("tool_calls"), list):
            found["tool_calls"] = [self._tool_call(index, call) for call in delta["tool_calls"]]
        return found

    def _tool_call(self, index: str, call: Any) -> Any:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("arguments"), str):
            return call
        field = (index, "tool_calls", str(call.get("index", 0)))
        arguments = self._fed(field, function["arguments"])
        return {**call, "function": {**function, "arguments": arguments}}

    def _fed(self, field: _Field, part: str) -> str:
        if field not in self._texts:
            self._texts[field] = self._unmasking(field[1] == "tool_calls")
        return self._texts[field].feed(part)

    def _ended(self, choice: dict[str, Any]) -> dict[str, Any]:
        """Returns a choice with what was held back of its texts at their ends."""
        index = str(choice.get("index", 0))
        for field in [field for field in self._texts if field[0] == index]:
            held = self._texts.pop(field).finish()
            if not held:
                continue
            if field[1] == "text":
                choice["text"] = choice.get("text", "") + held
                continue
            delta = choice["delta"] = dict(choice.get("delta") or {})
            if field[1] == "tool_calls":
                delta["tool_calls"] = _with_arguments(delta.get("tool_calls", []), int(field[2]), held)
            else:
                delta[field[1]] = (delta.get(field[1]) or "") + held
        return choice


def _with_arguments(calls: list[Any], index: int, held: str) -> list[Any]:
    """Returns the parts of tool calls with more arguments for one of them."""
    found = [dict(call) for call in calls]
    for call in found:
        if call.get("index", 0) == index and isinstance(call.get("function"), dict):
            function = call["function"]
            call["function"] = {**function, "arguments": (function.get("arguments") or "") + held}
            return found
    return [*found, {"index": index, "function": {"arguments": held}}]


def _escaped(value: str) -> str:
    """Returns a value as it stands between the quotes of a JSON text."""
    return json.dumps(value, ensure_ascii=False)[1:-1]
