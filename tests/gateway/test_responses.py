"""The Responses API as OpenAI's own client asks it: whole, streamed, with tools and schemas; its refusals."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from suffice.readers.conversations import of_record
from suffice.serve.call import Operation
from tests.gateway.composed import KEY, Composed, chunk, served, streaming
from tests.gateway.scripts import TOOL_CALL, every_script

ASKED = "I was charged twice"
TOOL: Any = {"type": "function", "name": "refund", "parameters": {"type": "object"}, "strict": False}


async def _calling() -> AsyncIterator[dict[str, Any]]:
    yield chunk("One ")
    yield chunk("moment.")
    function = TOOL_CALL["function"]
    for index, name in enumerate(("refund", "notify")):
        begun = {"index": index, "id": f"call_{index}", "type": "function"}
        yield _tool_chunk({**begun, "function": {"name": name, "arguments": ""}})
        yield _tool_chunk({"index": index, "function": {"arguments": function["arguments"][:3]}})
        yield _tool_chunk({"index": index, "function": {"arguments": function["arguments"][3:]}})
    yield chunk(finish="tool_calls")


async def _refusing() -> AsyncIterator[dict[str, Any]]:
    for piece in ("I cannot ", "say."):
        yield {**chunk(), "choices": [{"index": 0, "delta": {"refusal": piece}, "finish_reason": None}]}
    yield chunk(finish="content_filter")


def _tool_chunk(call: dict[str, Any]) -> dict[str, Any]:
    return {**chunk(), "choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]}


@pytest.fixture(scope="module")
def composed() -> Composed:
    """A gateway with one model for each thing that can happen."""
    more = {"calling": streaming(_calling), "refusing": streaming(_refusing)}
    return Composed({**every_script(), **more})


@pytest.fixture(scope="module")
def url(composed: Composed) -> Iterator[str]:
    """The gateway's base URL for clients."""
    with served(composed.app) as address:
        yield f"{address}/v1"


@pytest.fixture
def client(url: str) -> Iterator[OpenAI]:
    """The official client, pointed at the gateway by its base URL and key alone."""
    with OpenAI(base_url=url, api_key=KEY, max_retries=0) as made:
        yield made


def test_a_text_is_answered_by_the_bottom_rung(client: OpenAI) -> None:
    """Text, model, usage and who answered are where the client's types have them."""
    done = client.responses.create(model="tickets", input=ASKED)
    assert ("billing", "completed", "linear") == (done.output_text, done.status, done.model)
    assert done.usage is not None
    assert (7, 2, 9) == (done.usage.input_tokens, done.usage.output_tokens, done.usage.total_tokens)
    assert done.model_extra is not None
    assert "small" == done.model_extra["suffice"]["tier"]


def test_a_call_is_the_chat_that_says_the_same(client: OpenAI, composed: Composed) -> None:
    """Servers and local models get a chat: turns, tools, limits and the schema in a chat's words."""
    picture = {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"}
    client.responses.create(
        model="tools",
        instructions="sort",
        input=[
            {"role": "user", "content": [{"type": "input_text", "text": ASKED}, picture]},  # type: ignore[list-item]
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "function_call", "call_id": "c1", "name": "refund", "arguments": "{}"},
            {"type": "function_call", "call_id": "c2", "name": "refund", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "done"},
        ],
        tools=[TOOL],
        tool_choice={"type": "function", "name": "refund"},
        max_output_tokens=50,
        reasoning={"effort": "low"},
        include=["message.output_text.logprobs"],
        text={"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}}},
        extra_body={"top_k": 5},
        store=True,
    )
    call = composed.walk.calls[-1]
    function = {name: value for name, value in TOOL.items() if name != "type"}
    parts = [
        {"type": "text", "text": ASKED},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
    ]
    asked = {"type": "function", "function": {"name": "refund", "arguments": "{}"}}
    assert {
        "model": "tools",
        "top_k": 5,
        "messages": [
            {"role": "system", "content": "sort"},
            {"role": "user", "content": parts},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "c1", **asked}, {"id": "c2", **asked}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "done"},
        ],
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "refund"}},
        "max_completion_tokens": 50,
        "logprobs": True,
        "top_logprobs": 0,
        "reasoning_effort": "low",
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": {"type": "object"}},
        },
    } == call.body
    assert (Operation.CHAT, {"type": "object"}) == (call.operation, call.answer_schema)
    assert frozenset({"images", "tools", "logprobs"}) == call.needs


def test_a_local_model_reads_what_run_reads_of_a_log(client: OpenAI, composed: Composed) -> None:
    """The parity of chats holds for this API's bodies too."""
    body = {"model": "tickets", "instructions": "sort", "input": [{"role": "user", "content": ASKED}]}
    client.responses.create(**body)  # type: ignore[call-overload]
    logged = of_record({"request": body, "response": {}})
    assert logged is not None
    assert logged.messages == composed.walk.calls[-1].request.messages


def test_a_servers_tool_calls_are_items(client: OpenAI) -> None:
    """A chat's tool calls become items with the call's own id."""
    done = client.responses.create(model="tools", input=ASKED, tools=[TOOL])
    (item,) = done.output
    assert "function_call" == item.type
    assert ("call_1", "refund", '{"n": 2}') == (item.call_id, item.name, item.arguments)


def test_a_schema_is_parsed_by_the_client(client: OpenAI) -> None:
    """`responses.parse` with a pydantic model works as with OpenAI."""

    class Fields(BaseModel):
        charges: int
        currency: str

    done = client.responses.parse(model="fields", input=ASKED, text_format=Fields)
    assert Fields(charges=2, currency="EUR") == done.output_parsed


@pytest.mark.parametrize(("model", "text"), [("words", "I will refund it: Übermaß"), ("tickets", "billing")])
def test_a_stream_is_put_together_by_the_client(client: OpenAI, model: str, text: str) -> None:
    """Deltas make the text, and the client's own accumulation ends with the whole response and its usage."""
    with client.responses.stream(model=model, input=ASKED) as stream:
        pieces = [event.delta for event in stream if event.type == "response.output_text.delta"]
        done = stream.get_final_response()
    assert text == "".join(pieces) == done.output_text
    assert "completed" == done.status
    assert done.usage is not None
    assert done.usage.total_tokens > 0


def test_events_are_numbered_and_every_item_that_opens_is_done(client: OpenAI) -> None:
    """Text, then two calls of tools: each item opens, grows and is done under its own number."""
    events = list(client.responses.create(model="calling", input=ASKED, tools=[TOOL], stream=True))
    assert list(range(len(events))) == [event.sequence_number for event in events]
    kinds = [event.type for event in events]
    assert ["response.created", "response.in_progress"] == kinds[:2]
    assert 3 == kinds.count("response.output_item.added") == kinds.count("response.output_item.done")
    last: Any = events[-1]
    assert "response.completed" == last.type
    message, *calls = last.response.output
    assert "One moment." == message.content[0].text
    assert [("call_0", "refund"), ("call_1", "notify")] == [(call.call_id, call.name) for call in calls]
    assert ['{"n": 2}'] * 2 == [call.arguments for call in calls]


def test_a_refusal_is_an_item_and_the_response_is_incomplete(client: OpenAI) -> None:
    """What a server refuses to say is told as a refusal, with the reason the API has for it."""
    last: Any = list(client.responses.create(model="refusing", input=ASKED, stream=True))[-1]
    assert ("response.incomplete", "content_filter") == (last.type, last.response.incomplete_details.reason)
    assert "I cannot say." == last.response.output[0].content[0].refusal


def test_a_stream_that_breaks_ends_with_an_error_event(client: OpenAI) -> None:
    """No whole response follows what a broken stream said."""
    events: Any = list(client.responses.create(model="breaks", input=ASKED, stream=True))
    assert ("error", "stream_broke") == (events[-1].type, events[-1].code)
    assert "response.completed" not in [event.type for event in events]


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"background": True}, "background"),
        ({"input": []}, "input"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"input": [{"role": "cook", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": [{"type": "video"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tool_choice": {"type": "web_search"}}, "tool_choice.type"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "schema": "x"}}}, "text.format.schema"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(client: OpenAI, wrong: dict[str, Any], param: str) -> None:
    """The refusal names the field as this API calls it."""
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(**{"model": "tickets", "input": ASKED, **wrong})  # type: ignore[call-overload]
    assert param == refused.value.param


def test_a_call_for_a_person_says_so(client: OpenAI) -> None:
    """The response is incomplete, its text says where the answer will be, and the ticket stands beside it."""
    done = client.responses.create(model="people", input=ASKED)
    assert done.incomplete_details is not None
    assert ("incomplete", "content_filter") == (done.status, done.incomplete_details.reason)
    assert "A person will answer at" in done.output_text
    assert done.model_extra is not None
    assert done.model_extra["suffice"]["ticket"]
    last: Any = list(client.responses.create(model="people", input=ASKED, stream=True))[-1]
    assert done.output_text == last.response.output_text


def test_chunks_of_no_known_form_do_no_harm() -> None:
    """A server that numbers its tool calls by no number is read as far as it can be."""

    async def odd() -> AsyncIterator[dict[str, Any]]:
        yield _tool_chunk({"index": [], "function": "x"})
        yield {**chunk(), "choices": [{"index": 0, "delta": "x"}]}

    with (
        served(Composed({"odd": streaming(odd)}).app) as address,
        OpenAI(base_url=f"{address}/v1", api_key=KEY) as client,
    ):
        events = list(client.responses.create(model="odd", input=ASKED, stream=True))
    assert "response.completed" == events[-1].type
