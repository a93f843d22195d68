"""A chat's chunks as the events of the Responses API: items that open, grow and are done, numbered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from suffice.serve.call import Call
from suffice.serve.errors import CallError, TierFailed
from suffice.serve.wire import sse
from suffice.serve.wire.about import About
from suffice.serve.wire.asked import Json
from suffice.serve.wire.errors import error_object
from suffice.serve.wire.responses.output import (
    call_item,
    logprobs_of,
    message_item,
    refusal_part,
    response,
    text_part,
)

# Each is held to the end of the stream, and takes a hundred times the bytes it came in.
_MOST_CALLS = 1024


@dataclass(kw_only=True, slots=True)
class _Text:
    """The text that is being written; its place among the items."""

    number: int
    pieces: list[str] = field(default_factory=list)
    logprobs: list[Any] = field(default_factory=list)


@dataclass(kw_only=True, slots=True)
class _ToolCall:
    """A call of a tool that is being written; the rest of its item does not change."""

    number: int
    item: dict[str, Any]
    pieces: list[str] = field(default_factory=list)


class ResponseWriter:
    """Writes a chat's chunks as events (`asked.EventWriter`); the first and the last say who answers."""

    def __init__(self, call: Call, who: About, model: str, created: int) -> None:
        self._call, self._who, self._model, self._created = call, who, model, created
        self._events: list[bytes] = []
        self._sequence = 0
        self._output: dict[int, dict[str, Any]] = {}  # items that are done, by their place
        self._opened = 0
        self._text: _Text | None = None
        self._refused: list[str] = []
        self._calls: dict[int, _ToolCall] = {}
        self._finish_reason = "stop"
        self._usage: Any = None
        self._begin()

    def take(self, chunk: Json) -> bytes:
        """Returns the events of what a chunk adds.

        Raises:
            TierFailed: it calls more tools than are held.
        """
        if chunk.get("usage"):
            self._usage = chunk["usage"]
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) == 0:
                self._choice(choice)
        return self._written()

    def end(self) -> bytes:
        """Returns the events that end all that is open, and the whole response."""
        if not self._opened and not self._refused:
            self._open_text()
        self._end_text()
        self._end_refusal()
        for call in self._calls.values():
            self._end_call(call)
        items = [self._output[number] for number in sorted(self._output)]
        done = self._response(items, self._finish_reason)
        self._emit(f"response.{done['status']}", {"response": done})
        return self._written()

    def broken(self, error: CallError) -> bytes:
        """Returns the event that ends a stream which broke."""
        told = error_object(error)["error"]
        self._emit("error", {name: told[name] for name in ("code", "message", "param")})
        return self._written()

    def _begin(self) -> None:
        begun = self._response([], None)
        self._emit("response.created", {"response": begun})
        self._emit("response.in_progress", {"response": begun})

    def _response(self, items: list[dict[str, Any]], finish_reason: str | None) -> dict[str, Any]:
        made = response(
            self._call,
            model=self._model,
            created=self._created,
            output=items,
            finish_reason=finish_reason,
            usage=self._usage,
        )
        return {**made, "suffice": self._who.to_json()}

    def _choice(self, choice: Json) -> None:
        delta = choice.get("delta")
        if isinstance(delta, Mapping):
            if content := delta.get("content"):
                self._add_text(str(content), list(logprobs_of(choice.get("logprobs"))))
            if refusal := delta.get("refusal"):
                self._refused.append(str(refusal))
            for call in delta.get("tool_calls") or ():
                if isinstance(call, Mapping):
                    self._add_call(call)
        if reason := choice.get("finish_reason"):
            self._finish_reason = str(reason)

    def _add_text(self, piece: str, logprobs: list[Any]) -> None:
        text = self._text or self._open_text()
        text.pieces.append(piece)
        text.logprobs += logprobs
        self._emit("response.output_text.delta", {**self._at(text), "delta": piece, "logprobs": logprobs})

    def _open_text(self) -> _Text:
        self._text = text = _Text(number=self._next())
        item = message_item(self._call, [], number=text.number, status="in_progress")
        self._emit("response.output_item.added", {"output_index": text.number, "item": item})
        self._emit("response.content_part.added", {**self._at(text), "part": text_part("")})
        return text

    def _end_text(self) -> None:
        text, self._text = self._text, None
        if text is None:
            return
        whole = "".join(text.pieces)
        part = text_part(whole, text.logprobs)
        at = self._at(text)
        self._emit("response.output_text.done", {**at, "text": whole, "logprobs": text.logprobs})
        self._emit("response.content_part.done", {**at, "part": part})
        self._done(text.number, message_item(self._call, [part], number=text.number))

    def _end_refusal(self) -> None:
        """Writes a refusal as one item: servers send it in few pieces, and nobody shows it as it grows."""
        if not self._refused:
            return
        number, part = self._next(), refusal_part("".join(self._refused))
        item = message_item(self._call, [part], number=number)
        self._emit("response.output_item.added", {"output_index": number, "item": {**item, "content": []}})
        self._done(number, item)

    def _add_call(self, call: Json) -> None:
        index = call.get("index")
        if not isinstance(index, int):
            index = 0
        if index not in self._calls:
            if len(self._calls) >= _MOST_CALLS:
                raise TierFailed("more calls of tools than any answer has")
            self._end_text()
            number = self._next()
            item = call_item(self._call, call, number=number, status="in_progress")
            first, item["arguments"] = item["arguments"], ""
            self._calls[index] = _ToolCall(number=number, item=item)
            self._emit("response.output_item.added", {"output_index": number, "item": item})
        else:
            function = call.get("function")
            first = str(function.get("arguments") or "") if isinstance(function, Mapping) else ""
        if first:
            growing = self._calls[index]
            growing.pieces.append(first)
            place = {"item_id": growing.item["id"], "output_index": growing.number}
            self._emit("response.function_call_arguments.delta", {**place, "delta": first})

    def _end_call(self, call: _ToolCall) -> None:
        arguments = "".join(call.pieces)
        place = {"item_id": call.item["id"], "output_index": call.number}
        self._emit("response.function_call_arguments.done", {**place, "arguments": arguments})
        self._done(call.number, {**call.item, "arguments": arguments, "status": "completed"})

    def _done(self, number: int, item: dict[str, Any]) -> None:
        self._output[number] = item
        self._emit("response.output_item.done", {"output_index": number, "item": item})

    def _at(self, text: _Text) -> dict[str, Any]:
        item_id = message_item(self._call, [], number=text.number)["id"]
        return {"item_id": item_id, "output_index": text.number, "content_index": 0}

    def _next(self) -> int:
        self._opened += 1
        return self._opened - 1

    def _emit(self, kind: str, more: Json) -> None:
        event = {"type": kind, "sequence_number": self._sequence, **more}
        self._events.append(sse.named_event(kind, event))
        self._sequence += 1

    def _written(self) -> bytes:
        events, self._events = b"".join(self._events), []
        return events
