"""The official OpenAI client for Python, over loopback: it works unchanged, and its errors are its own."""

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.gateway.composed import KEY, Composed, served
from tests.gateway.scripts import every_script

MESSAGES: Any = [{"role": "user", "content": "I was charged twice"}]
TOOL: Any = {"type": "function", "function": {"name": "refund", "parameters": {"type": "object"}}}


@pytest.fixture(scope="module")
def composed() -> Composed:
    """A gateway with one model for each thing that can happen."""
    return Composed(every_script())


@pytest.fixture(scope="module")
def url(composed: Composed) -> Iterator[str]:
    """The gateway's base URL for clients."""
    with served(composed.app) as address:
        yield f"{address}/v1"


@pytest.fixture
def client(url: str) -> Iterator[OpenAI]:
    """The official client, pointed at the gateway by its base URL and key alone."""
    with OpenAI(base_url=url, api_key=KEY) as made:
        yield made


def test_a_chat_is_answered(client: OpenAI) -> None:
    """Text, model, usage and our own object are where the client's types have them."""
    done = client.chat.completions.create(model="tickets", messages=MESSAGES)
    assert ("billing", "stop") == (done.choices[0].message.content, done.choices[0].finish_reason)
    assert "linear" == done.model
    assert done.usage is not None
    assert 9 == done.usage.total_tokens
    assert done.model_extra is not None
    assert "small" == done.model_extra["suffice"]["tier"]


def test_who_answered_stands_in_the_raw_responses_headers(client: OpenAI) -> None:
    """`with_raw_response` shows the headers, and the client's own request id is ours."""
    raw = client.chat.completions.with_raw_response.create(model="tickets", messages=MESSAGES)
    assert ("small", "0.9300") == (raw.headers["x-suffice-tier"], raw.headers["x-suffice-confidence"])
    done = raw.parse()
    assert raw.headers["x-request-id"] == done._request_id


def test_several_choices_are_for_tiers_that_have_several(client: OpenAI, composed: Composed) -> None:
    """A local model has one answer to a text: n above 1 is among what a call needs, n = 1 is not."""
    asked: Any = {"model": "tickets", "messages": MESSAGES, "seed": 1, "logprobs": False}
    client.chat.completions.create(**asked, n=3)
    client.chat.completions.create(**asked, n=1)
    assert [{"several answers"}, set()] == [call.needs for call in composed.walk.calls[-2:]]


def test_tokens_that_nobody_counted_are_estimated_and_marked(client: OpenAI) -> None:
    """A model without a tokenizer gives no counts; whole answers and streams hold estimates that say so."""
    asked: Any = {"model": "uncounted", "messages": MESSAGES}
    *_, last = client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
    assert [] == last.choices
    for usage in (last.usage, client.chat.completions.create(**asked).usage):
        assert usage is not None
        counts = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)
        assert (5, 2, 7) == counts
        assert {"estimated": True} == usage.model_extra


def test_a_stop_text_cuts_a_local_answer(client: OpenAI) -> None:
    """What comes after a stop text is not sent, nor the stop text itself."""
    done = client.chat.completions.create(model="tickets", messages=MESSAGES, stop=["ng", "lin"])
    assert "bil" == done.choices[0].message.content


def test_a_stream_comes_in_chunks_with_usage_at_the_end(client: OpenAI) -> None:
    """Words arrive in order, each chunk names the served model, the last one holds the usage."""
    stream = client.chat.completions.create(
        model="words", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
    assert "I will refund it: Übermaß" == text
    assert {"large-v2"} == {one.model for one in chunks}
    assert chunks[-1].usage is not None
    assert 14 == chunks[-1].usage.total_tokens


def test_a_local_answer_can_be_streamed(client: OpenAI) -> None:
    """The client's stream helper puts a local answer together as it does any other."""
    with client.chat.completions.stream(model="tickets", messages=MESSAGES) as stream:
        done = stream.get_final_completion()
    assert ("billing", "stop") == (done.choices[0].message.content, done.choices[0].finish_reason)


def test_the_asynchronous_client_works_alike(url: str) -> None:
    """Whole and in chunks, at the same time on one connection pool."""

    async def run() -> tuple[str | None, str]:
        async with AsyncOpenAI(base_url=url, api_key=KEY) as client:
            whole, stream = await asyncio.gather(
                client.chat.completions.create(model="tickets", messages=MESSAGES),
                client.chat.completions.create(model="words", messages=MESSAGES, stream=True),
            )
            words = [one.choices[0].delta.content or "" async for one in stream if one.choices]
            return whole.choices[0].message.content, "".join(words)

    assert ("billing", "I will refund it: Übermaß") == asyncio.run(run())


class Charge(BaseModel):
    """What is extracted."""

    charges: int
    currency: str


def test_structured_output_is_parsed(client: OpenAI, composed: Composed) -> None:
    """`parse` sends the type's JSON Schema, which reaches the call, and reads the answer as the type."""
    done = client.chat.completions.parse(model="fields", messages=MESSAGES, response_format=Charge)
    assert Charge(charges=2, currency="EUR") == done.choices[0].message.parsed
    schema = composed.walk.calls[-1].answer_schema
    assert schema is not None
    assert {"charges", "currency"} == set(schema["properties"])


def test_tool_calls_come_from_tiers_that_can_call_tools(client: OpenAI, composed: Composed) -> None:
    """A chat with tools says what it needs, and a server's tool calls are passed on, whole or as chunks."""
    done = client.chat.completions.create(model="tools", messages=MESSAGES, tools=[TOOL])
    (call,) = done.choices[0].message.tool_calls or ()
    assert {"n": 2} == json.loads(call.function.arguments)
    assert frozenset({"tools"}) == composed.walk.calls[-1].needs
    with client.chat.completions.stream(model="tools", messages=MESSAGES, tools=[TOOL]) as stream:
        whole = stream.get_final_completion()
    (call,) = whole.choices[0].message.tool_calls or ()
    assert ("refund", "tool_calls") == (call.function.name, whole.choices[0].finish_reason)


def test_prompts_are_completed(client: OpenAI) -> None:
    """The older API answers too, whole and in chunks."""
    done = client.completions.create(model="tickets", prompt="I was charged twice", echo=True)
    assert "I was charged twicebilling" == done.choices[0].text
    parts = list(client.completions.create(model="tickets", prompt="charged twice", stream=True))
    assert "billing" == "".join(part.choices[0].text for part in parts if part.choices)


def test_models_are_listed(client: OpenAI) -> None:
    """The client's own list, and its look at one."""
    assert "tickets" == client.models.retrieve("tickets").id
    assert {"tickets", "words"} <= {model.id for model in client.models.list()}


@pytest.mark.parametrize(
    ("model", "error", "code"),
    [
        ("nothing", openai.NotFoundError, "model_not_found"),
        ("limited", openai.RateLimitError, "rate_limit_exceeded"),
        ("abstained", openai.InternalServerError, "abstained"),
        ("slow", openai.InternalServerError, "timeout"),
    ],
)
def test_errors_are_the_clients_own(
    url: str, model: str, error: type[openai.APIStatusError], code: str
) -> None:
    """Each status raises the class its users catch, with the code and our request id."""
    with OpenAI(base_url=url, api_key=KEY, max_retries=0) as client, pytest.raises(error) as raised:
        client.chat.completions.create(model=model, messages=MESSAGES)
    assert code == raised.value.code
    assert raised.value.request_id is not None
    assert raised.value.request_id.startswith("req_")


def test_a_wrong_key_and_a_wrong_body_are_the_clients_own_errors(url: str, client: OpenAI) -> None:
    """401 and 400, the latter with the name of the parameter."""
    with OpenAI(base_url=url, api_key="wrong") as stranger, pytest.raises(openai.AuthenticationError):
        stranger.models.list()
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="tickets", messages=[])
    assert "messages" == raised.value.param


def test_what_nobody_is_trusted_with_is_not_asked_again(client: OpenAI, composed: Composed) -> None:
    """The client repeats a 502 by itself, but not where we say that it would end the same way."""
    before = len(composed.walk.calls)
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model="abstained", messages=MESSAGES)
    assert 1 == len(composed.walk.calls) - before


@pytest.mark.parametrize(
    ("model", "words"), [("breaks", "large sent nothing for 20 s"), ("rate-limited", "rate limit")]
)
def test_litellm_40404_26015_gateway_1656_a_broken_stream_raises_once(
    client: OpenAI, composed: Composed, model: str, words: str
) -> None:
    """A stream that breaks, stalls or is refused midway raises in the client, and is asked for once.

    LiteLLM #40404 (nothing told the client), #26015 (a 429 midway was tried again and again, on a whole
    core), llm-gateway#1656 (a stalled stream hung): the tier ends it, the client hears of it.
    """
    before = len(composed.walk.calls)
    stream = client.chat.completions.create(model=model, messages=MESSAGES, stream=True)
    assert "I " == next(stream).choices[0].delta.content
    with pytest.raises(openai.APIError, match=words) as raised:
        next(stream)
    assert "stream_broke" == raised.value.code
    assert 1 == len(composed.walk.calls) - before


def test_feedback_takes_the_id_of_an_answer(client: OpenAI, composed: Composed) -> None:
    """The client's generic `post` reaches our own endpoint, with the id that the answer carried."""
    done = client.chat.completions.create(model="tickets", messages=MESSAGES)
    kept = client.post("/feedback", cast_to=dict, body={"request_id": done._request_id, "label": "refund"})
    assert {"object": "suffice.feedback", "request_id": done._request_id} == kept
    assert "refund" == composed.feedback.kept[-1].label


def _raw(url: str, request: bytes) -> bytes:
    """Returns all that the server sends on one connection until it closes it."""
    host, port = url.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request)
        received = b""
        while part := connection.recv(65536):
            received += part
    return received


def test_garbage_is_answered_in_openais_shape_and_closed(url: str) -> None:
    """What is no HTTP gets a 400 with a JSON body, not a page of text."""
    answer = _raw(url, b"\x16\x03\x01 hello\r\n\r\n")
    head, body = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 400 ")
    assert "invalid_request" == json.loads(body)["error"]["code"]


@pytest.mark.parametrize(
    "fields",
    [b"x-filler: " + b"a" * 40_000 + b"\r\n", b"".join(b"x-%d: a\r\n" % number for number in range(200))],
)
def test_headers_beyond_the_limit_are_refused(url: str, fields: bytes) -> None:
    """Too many or too large headers are a 431, whatever they hold."""
    answer = _raw(url, b"GET /health HTTP/1.1\r\nhost: x\r\n" + fields + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_a_pipelined_request_is_held_to_the_same_limits(url: str) -> None:
    """Headers behind another request's body are counted by themselves: neither more nor less is allowed."""
    body = b"x" * 40_000
    first = b"POST /health HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    small = b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    large = small[:-2] + b"x-filler: " + b"a" * 40_000 + b"\r\n\r\n"
    assert _raw(url, first + small).count(b"HTTP/1.1 200 OK") == 1
    assert b"HTTP/1.1 431 " in _raw(url, first + large)


def test_headers_that_do_not_come_are_not_waited_for(composed: Composed) -> None:
    """A client that sends a byte now and then is dropped; headers without an end are cut off early."""
    with served(composed.app, slow_header_s=0.2) as address:
        assert b"" == _raw(address, b"GET /health HTTP/1.1\r\nhost:")
        endless = b"GET /health HTTP/1.1\r\nx-filler: " + b"a" * 100_000
        assert _raw(address, endless).startswith(b"HTTP/1.1 431 ")


def test_a_body_that_does_not_come_is_not_waited_for(composed: Composed) -> None:
    """A client that sends headers and then nothing is told so, and dropped; its call ends as an event."""
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
    request = f"{head}content-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    with served(composed.app, slow_body_s=0.2) as address:
        assert _raw(address, request.encode()).startswith(b"HTTP/1.1 408 ")
    assert (499, "client_left") == (composed.journal.events[-1].status, composed.journal.events[-1].error)


def test_more_connections_than_allowed_are_told_so(composed: Composed) -> None:
    """The one connection too many gets a 503 in OpenAI's shape."""
    with served(composed.app, connections=1) as address:
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10):
            answer = _raw(address, b"")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"too_many_connections" in answer


def test_no_response_names_the_server(url: str) -> None:
    """The software and its version are nobody's business."""
    answer = _raw(url, b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert b"\r\nserver:" not in answer.lower()


def test_a_call_that_a_person_will_answer_crashes_no_client(client: OpenAI) -> None:
    """The first choice is there, says where the answer will be, and is marked as none; streams too."""
    raw = client.chat.completions.with_raw_response.create(model="people", messages=MESSAGES)
    done = raw.parse()
    (choice,) = done.choices
    assert (202, "tkt_1", "content_filter") == (raw.status_code, done.id, choice.finish_reason)
    assert choice.message.content == choice.message.refusal
    assert "A person will answer at /review/tkt_1" in str(choice.message.content)
    assert ("tkt_1", "/review/tkt_1") == (raw.headers["x-suffice-ticket"], raw.headers["location"])
    assert done.usage is not None
    assert 0 == done.usage.completion_tokens
    stream = client.chat.completions.create(model="people", messages=MESSAGES, stream=True)
    chunks = list(stream)
    assert choice.message.content == "".join(part.choices[0].delta.content or "" for part in chunks)
    assert ("content_filter", "tkt_1") == (chunks[-1].choices[0].finish_reason, chunks[-1].id)
    text = client.completions.create(model="people", prompt="charged twice")
    assert ("content_filter", choice.message.content) == (text.choices[0].finish_reason, text.choices[0].text)


def test_who_asks_for_an_object_is_not_handed_words(client: OpenAI) -> None:
    """The client's own helper raises its own error; without it the content is null, as in any refusal."""

    class Charge(BaseModel):
        charges: int

    with pytest.raises(openai.ContentFilterFinishReasonError):
        client.chat.completions.parse(model="people", messages=MESSAGES, response_format=Charge)
    plain = client.chat.completions.create(
        model="people", messages=MESSAGES, response_format={"type": "json_object"}
    )
    assert plain.choices[0].message.content is None
    assert "tkt_1" in str(plain.choices[0].message.refusal)
