"""The reply to a call that a person will answer: a completion that says so, for clients that know no tickets.

It has one choice, since clients read the first without looking. Nothing in it can be taken for an answer by
who follows OpenAI's API: `finish_reason` is `content_filter`, and the message is a refusal. Its words are the
content too where the client asked for words; who asked for JSON or tools gets none, as in any refusal.
"""

from typing import Any

from suffice.ports import UNKNOWN_USAGE
from suffice.serve.call import Call, Operation
from suffice.serve.reply import Place, Reply
from suffice.serve.wire.sampling import usage_of

FINISH_REASON = "content_filter"


def words(url: str) -> str:
    """Returns what a client is told."""
    return f"No model's answer can be trusted here. A person will answer at {url}"


def waiting(call: Call, ticket: str, url: str, created: int) -> Reply:
    """Returns the reply, which an API's `whole` and `parts` write as they write any other."""
    said = words(url)
    is_chat = call.operation is Operation.CHAT
    choice: dict[str, Any] = {"index": 0, "logprobs": None, "finish_reason": FINISH_REASON}
    if is_chat:
        is_for_words = call.answer_schema is None and not call.body.get("tools")
        content = said if is_for_words else None
        message = {"role": "assistant", "content": content, "refusal": said}
        choice = {**choice, "message": message}
    else:
        choice = {**choice, "text": said}
    payload = {
        "id": ticket,
        "object": "chat.completion" if is_chat else "text_completion",
        "created": created,
        "choices": [choice],
        "usage": usage_of(UNKNOWN_USAGE, call.request, ""),
    }
    return Reply(tier="", place=Place.HUMAN, model=call.route, text=said, payload=payload)
