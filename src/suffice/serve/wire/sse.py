"""Server-sent events as OpenAI's clients read them: `data: <JSON>` and an empty line."""

from collections.abc import Mapping
from typing import Any

import orjson

DONE = b"data: [DONE]\n\n"


def event(value: Mapping[str, Any]) -> bytes:
    """Returns one event's bytes. JSON holds no line break, so no value can end an event or begin another."""
    return b"data: " + orjson.dumps(value) + b"\n\n"


def named_event(kind: str, value: Mapping[str, Any]) -> bytes:
    """Returns one event's bytes, with its kind in a line of its own."""
    return b"event: " + kind.encode() + b"\n" + event(value)
