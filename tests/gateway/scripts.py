"""One model for each thing that can happen to a call, as scripts of a composed gateway."""

from collections.abc import AsyncIterator
from typing import Any

from suffice.ports import UNKNOWN_USAGE
from suffice.serve.call import Call
from suffice.serve.errors import NobodyAnswered, TierFailed
from suffice.serve.reply import Outcome, Place, Verdict
from tests.gateway.composed import Script, chunk, local, remote, step, streaming

TOOL_CALL = {"id": "call_1", "type": "function", "function": {"name": "refund", "arguments": '{"n": 2}'}}


def every_script() -> dict[str, Script]:
    """Returns the scripts by model."""
    return {
        "tickets": local("billing"),
        "uncounted": local("billing", usage=UNKNOWN_USAGE),
        "fields": local('{"charges": 2, "currency": "EUR"}'),
        "words": streaming(_words),
        "tools": remote(_tool_reply()),
        "breaks": streaming(_breaks),
        "rate-limited": streaming(_rate_limited),
        "abstained": _abstained,
        "people": _queued,
        "slow": _out_of_time,
        "limited": local("billing"),
    }


async def _words() -> AsyncIterator[dict[str, Any]]:
    for word in ("I ", "will ", "refund ", "it: ", "Übermaß"):
        yield chunk(word)
    yield chunk(finish="stop")
    yield {
        **chunk(),
        "choices": [],
        "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14},
    }


async def _breaks() -> AsyncIterator[dict[str, Any]]:
    yield chunk("I ")
    raise TierFailed("large sent nothing for 20 s")


async def _rate_limited() -> AsyncIterator[dict[str, Any]]:
    yield chunk("I ")
    raise TierFailed("rate limit", status=429)


async def _abstained(_call: Call) -> Outcome:
    raise NobodyAnswered("no tier's answer can be trusted (small passed it up)", code="abstained")


async def _queued(_call: Call) -> Outcome:
    return Outcome(steps=(step("people", Place.HUMAN, Verdict.QUEUED),), ticket="tkt_1")


async def _out_of_time(_call: Call) -> Outcome:
    raise NobodyAnswered("time ran out after 120 s", status=504, code="timeout")


def _tool_reply() -> dict[str, Any]:
    message = {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    return {"id": "up-2", "object": "chat.completion", "created": 1, "model": "alias", "choices": [choice]}
