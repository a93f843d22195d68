"""A Response is whole, whatever the server said of its tokens and its end."""

import json

import pytest

from suffice.serve.errors import TierFailed
from suffice.serve.reply import Place, Reply
from suffice.serve.wire.about import About
from suffice.serve.wire.responses import output
from suffice.serve.wire.responses.events import ResponseWriter
from tests.unit.serve.tiers import tiny_run

WHO = About(request_id="req_1", route="desk", escalated=False)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("many", None),
        ([1], None),
        ({"prompt_tokens": "3", "completion_tokens": 4}, 0),
        ({"prompt_tokens": 3, "completion_tokens": None}, 3),
    ],
)
def test_a_stream_ends_whatever_a_server_says_of_its_tokens(said, read):
    """Its last event is written after the head is out, where no error can be told any more."""
    writer = ResponseWriter(tiny_run.call("x"), WHO, "m", 0)
    writer.take({"choices": [{"index": 0, "delta": {"content": "y"}}], "usage": said})
    *_, last = writer.end().decode().strip().split("data: ")
    usage = json.loads(last)["response"]["usage"]
    assert read == (None if usage is None else usage["input_tokens"])


def test_an_end_for_no_known_reason_is_an_end():
    """Servers say anything."""
    payload = {"choices": [{"message": {"content": "y"}, "finish_reason": ["odd"]}], "usage": 7}
    reply = Reply(tier="t", place=Place.REMOTE, model="m", text="y", payload=payload)
    made = output.whole(tiny_run.call("x"), reply, 0)
    assert ("completed", None) == (made["status"], made["usage"])


def test_a_stream_of_calls_without_an_end_breaks():
    """They are held until the stream is over: a server must not fill the memory with them."""
    writer = ResponseWriter(tiny_run.call("x"), WHO, "m", 0)
    calls = [{"index": number} for number in range(3000)]
    with pytest.raises(TierFailed, match="more calls of tools"):
        writer.take({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]})
