"""A stream in the form of chats and completions: chunks as they are, under the served model's name."""

from collections.abc import Mapping
from typing import Any

from suffice.serve.call import Call
from suffice.serve.errors import CallError
from suffice.serve.wire import sse
from suffice.serve.wire.about import About
from suffice.serve.wire.asked import Json
from suffice.serve.wire.errors import error_object


class ChunkWriter:
    """Passes chunks on (`asked.EventWriter`): each names the served model, the first says who answers."""

    def __init__(self, _call: Call, who: About, model: str, _created: int) -> None:
        self._model = model
        self._added: Mapping[str, Any] | None = {"model": model, "suffice": who.to_json()}

    def take(self, chunk: Json) -> bytes:
        """Returns a chunk's event, without what a server says in the gateway's place."""
        if self._added is not None:
            chunk, self._added = {**chunk, **self._added}, None
            return sse.event(chunk)
        if "suffice" in chunk:
            chunk = {name: value for name, value in chunk.items() if name != "suffice"}
        return sse.event(chunk if chunk.get("model") == self._model else {**chunk, "model": self._model})

    def end(self) -> bytes:
        """Returns the event after which OpenAI's clients read no more."""
        return sse.DONE

    def broken(self, error: CallError) -> bytes:
        """Returns the event that OpenAI's clients raise as an error; after it there is no [DONE]."""
        return sse.event(error_object(error))
