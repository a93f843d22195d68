"""What a local model reads of a chat: the same functions as `run` reads logged chats with."""

from collections.abc import Mapping
from typing import Any

from suffice.ports import Request
from suffice.readers.conversations import Conversation, request_messages
from suffice.serve.errors import BadCall
from suffice.serve.wire.body import an_object, wrong

BLANK = " \t\r\n\0"  # what `run` takes for no input
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_SILENT = frozenset({"assistant", "function"})  # they may call tools instead
_TEXTS = frozenset({"text", "refusal"})


def check_turns(turns: Any) -> frozenset[str]:
    """Returns what the turns hold beside texts: kinds of parts such as "image_url"; empty for none.

    Raises:
        BadCall: they are no list of turns with known roles and contents.
    """
    if turns is None:
        raise BadCall("messages is missing", param="messages", code="missing_required_parameter")
    if not isinstance(turns, list) or not turns:
        raise wrong(turns, "messages", "a list of at least one message")
    kinds: set[str] = set()
    for index, turn in enumerate(turns):
        if not isinstance(turn, dict):
            raise wrong(turn, f"messages[{index}]", "an object")
        role = turn.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            raise wrong(role, f"messages[{index}].role", f"one of {', '.join(sorted(_ROLES))}")
        content = turn.get("content")
        if isinstance(content, str):
            continue
        if isinstance(content, list):
            kinds |= _kinds_of(content, f"messages[{index}].content")
        elif content is not None:
            raise wrong(content, f"messages[{index}].content", "a text or a list of parts")
        elif role not in _SILENT:
            param = f"messages[{index}].content"
            raise BadCall(f"{param} is missing", param=param, code="missing_required_parameter")
    return frozenset(kinds - _TEXTS)


def conversation_of(body: Mapping[str, Any]) -> Conversation:
    """Returns a chat's turns as `run` reads them from a log; a turn without text counts for nothing."""
    messages = request_messages(body) or ()
    return Conversation(messages=tuple([turn for turn in messages if turn.content]), answer=None)


def request_of(conversation: Conversation) -> Request:
    """Returns what a local model reads: the last user turn's text, and all turns (see `bundle.as_read`)."""
    return Request(text=conversation.last_user or "", messages=conversation.messages)


def system_prompt_of(conversation: Conversation) -> str | None:
    """Returns the text of the system turn that opens a chat; None where there is none."""
    first = conversation.messages[0] if conversation.messages else None
    return first.content if first is not None and first.role == "system" else None


def _kinds_of(parts: list[Any], param: str) -> set[str]:
    kinds = set()
    for index, part in enumerate(parts):
        an_object(part, f"{param}[{index}]")
        kind = part.get("type")
        if not isinstance(kind, str):
            raise wrong(kind, f"{param}[{index}].type", 'a text, e.g. "text"')
        if kind == "text" and not isinstance(part.get("text"), str):
            raise wrong(part.get("text"), f"{param}[{index}].text", "a text")
        kinds.add(kind)
    return kinds


def text_request(text: str) -> Request:
    """Returns what a local model reads of a mere text."""
    return Request(text=text)
