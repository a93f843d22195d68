"""The text that a local model read, found again in a request that was kept."""

from collections.abc import Mapping
from typing import Any

import orjson


def text_asked(kept: str | None) -> str | None:
    """Returns the last user turn of a chat body, the input of other bodies, or the text itself.

    None where nothing was kept, or the body holds no text of its own.
    """
    if kept is None:
        return None
    try:
        body = orjson.loads(kept)
    except orjson.JSONDecodeError:
        return kept
    return text_of(body) if isinstance(body, dict) else kept


def text_of(body: Mapping[str, Any]) -> str | None:
    """Returns the text that a body of OpenAI's APIs asks about; None where it holds none."""
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
