"""The application, asked in process: paths, errors, bodies, events."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from suffice.serve.app import App
from suffice.serve.call import Call
from suffice.serve.errors import NobodyAnswered, TierFailed
from suffice.serve.reply import Outcome, Place, Streaming, Verdict
from tests.gateway.composed import CERTIFICATE, KEY, Composed, chunk, local, remote, step, streaming

CHAT = {"model": "tickets", "messages": [{"role": "user", "content": "charged twice"}]}
PATH = "/v1/chat/completions"


class Got:
    """A response that was received."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        self.parts = [message.get("body", b"") for message in messages[1:]]
        self.body = b"".join(self.parts)

    @property
    def json(self) -> Any:
        """Returns the body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """Returns the error of the body."""
        return self.json["error"]

    @property
    def events(self) -> list[Any]:
        """Returns the stream's events, JSON read."""
        parts = [part.removeprefix("data: ") for part in self.body.decode().split("\n\n") if part]
        return [part if part == "[DONE]" else json.loads(part) for part in parts]


async def asked(
    app: App,
    body: Any = None,
    *,
    path: str = PATH,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    raw: bytes | None = None,
    receive: Callable[[], Any] | None = None,
) -> Got:
    """Returns what the application answers."""
    sent: list[dict[str, Any]] = []
    content = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
    fields = {"content-type": "application/json", "authorization": f"Bearer {KEY}", **(headers or {})}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
    }
    whole = iter([{"type": "http.request", "body": content, "more_body": False}])

    async def receiving() -> dict[str, Any]:
        for message in whole:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive or receiving, send)
    return Got(sent)


def get(app: App, *arguments: Any, **named: Any) -> Got:
    """Returns what the application answers, from a loop of its own."""
    return asyncio.run(asked(app, *arguments, **named))


def test_a_local_answer_is_a_whole_chat_completion() -> None:
    """A text becomes a chat completion with the served model, usage, and who answered in headers and body."""
    composed = Composed({"tickets": local("billing")})
    got = get(composed.app, CHAT)
    body = got.json
    assert 200 == got.status
    assert "chat.completion" == body["object"]
    assert "linear" == body["model"]
    assert [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "billing", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ] == body["choices"]
    assert {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9} == body["usage"]
    said = {name: value for name, value in got.headers.items() if name.startswith("x-suffice-")}
    assert {
        "x-suffice-route": "tickets",
        "x-suffice-escalated": "false",
        "x-suffice-tier": "small",
        "x-suffice-place": "local",
        "x-suffice-certificate": CERTIFICATE,
        "x-suffice-confidence": "0.9300",
    } == said
    assert got.headers["x-request-id"] == body["suffice"]["request_id"]
    assert 0.93 == body["suffice"]["confidence"]


def test_a_servers_reply_keeps_its_own_fields_and_names_the_served_model() -> None:
    """What a server says goes out as it is, save for `model`, which names what really answered."""
    payload = {"id": "up-1", "model": "alias", "choices": [], "system_fingerprint": "fp", "new_field": [1]}
    composed = Composed({"tickets": remote(payload)})
    got = get(composed.app, CHAT)
    body = got.json
    about = body.pop("suffice")
    assert {**payload, "model": "large-v2"} == body
    assert ("large", "remote", True, None) == (
        about["tier"],
        about["place"],
        about["escalated"],
        about["certificate"],
    )
    assert "none" == got.headers["x-suffice-certificate"]
    assert "x-suffice-confidence" not in got.headers


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({}, "model", "model is missing"),
        ({"model": "tickets"}, "messages", "messages is missing"),
        ({"model": "tickets", "messages": []}, "messages", "an empty list"),
        ({"model": 3, "messages": CHAT["messages"]}, "model", "not 3"),
        ({**CHAT, "messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role", '"wizard"'),
        ({**CHAT, "messages": [{"role": "user"}]}, "messages[0].content", "missing"),
        ({**CHAT, "messages": [{"role": "user", "content": 5}]}, "messages[0].content", "not 5"),
        (
            {**CHAT, "messages": [{"role": "user", "content": [{"text": "x"}]}]},
            "messages[0].content[0].type",
            "text",
        ),
        ({**CHAT, "stream": "yes"}, "stream", "true or false"),
        ({**CHAT, "stream_options": {"include_usage": True}}, "stream_options", "stream: true"),
        ({**CHAT, "n": 0}, "n", "from 1 to 128"),
        ({**CHAT, "temperature": True}, "temperature", "from 0 to 2"),
        ({**CHAT, "stop": ["a", "b", "c", "d", "e"]}, "stop", "at most 4"),
        ({**CHAT, "max_completion_tokens": 1.5}, "max_completion_tokens", "at least 1"),
        ({**CHAT, "tools": {}}, "tools", "a list of objects"),
        ({**CHAT, "response_format": {"type": "xml"}}, "response_format.type", '"xml"'),
        (
            {**CHAT, "response_format": {"type": "json_schema", "json_schema": {"schema": 1}}},
            "response_format.json_schema.schema",
            "an object, not 1",
        ),
    ],
)
def test_a_wrong_field_is_named(body: dict[str, Any], param: str, words: str) -> None:
    """A body that cannot be used is a 400 in OpenAI's shape that names field and value, and an event."""
    composed = Composed({"tickets": local("billing")})
    got = get(composed.app, body)
    assert (400, param, "invalid_request_error") == (got.status, got.error["param"], got.error["type"])
    assert words in got.error["message"]
    assert [400] == [event.status for event in composed.journal.events]
    assert [] == composed.walk.calls


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "empty"),
        (b"{", "not JSON"),
        (b"[1]", "a list"),
        (b'{"model": "\xff"}', "UTF-8"),
        (b'{"a":' + b"[" * 200 + b"]" * 200 + b"}", "more than 100 levels"),
    ],
)
def test_what_is_no_json_object_is_refused(raw: bytes, words: str) -> None:
    """Unreadable bodies are a 400 that says why."""
    composed = Composed({"tickets": local("billing")})
    got = get(composed.app, raw=raw)
    assert 400 == got.status
    assert words in got.error["message"]


def test_brackets_within_texts_are_no_nesting() -> None:
    """Only real nesting counts: a text full of brackets is a text."""
    composed = Composed({"tickets": local("billing")})
    body = {**CHAT, "messages": [{"role": "user", "content": "[" * 500}]}
    assert 200 == get(composed.app, body).status


def test_a_body_that_is_not_called_json_is_refused() -> None:
    """A web page can send text/plain anywhere without asking: such a body is never read."""
    composed = Composed({"tickets": local("billing")})
    got = get(composed.app, CHAT, headers={"content-type": "text/plain"})
    assert (415, "unsupported_media_type") == (got.status, got.error["code"])


def test_a_large_body_is_refused_before_it_is_read() -> None:
    """The declared length counts, and what comes without one is counted while it comes."""
    composed = Composed({"tickets": local("billing")}, body_bytes=100)
    declared = get(composed.app, CHAT, headers={"content-length": "101"})
    assert (413, "too_large") == (declared.status, declared.error["code"])
    parts = iter(range(5))

    async def receive() -> dict[str, Any]:
        next(parts)
        return {"type": "http.request", "body": b"x" * 60, "more_body": True}

    assert 413 == get(composed.app, receive=receive).status
    assert [2, 3, 4] == list(parts)


def test_a_body_may_come_in_parts() -> None:
    """What a connection brings bit by bit is one body."""
    composed = Composed({"tickets": local("billing")})
    raw = json.dumps(CHAT).encode()
    parts = [
        {"type": "http.request", "body": raw[at : at + 7], "more_body": True} for at in range(0, len(raw), 7)
    ]
    messages = iter([*parts, {"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        return next(messages)

    assert "billing" == get(composed.app, receive=receive).json["choices"][0]["message"]["content"]


def test_an_unknown_model_is_a_404_that_names_the_known_ones() -> None:
    """The message lists what could have been meant."""
    composed = Composed({"tickets": local("billing"), "urgency": local("high")})
    got = get(composed.app, {**CHAT, "model": "ticket"})
    assert (404, "model_not_found", "model") == (got.status, got.error["code"], got.error["param"])
    assert "known models: tickets, urgency" in got.error["message"]


def test_unknown_paths_and_methods_are_answered_in_openais_shape() -> None:
    """404 and 405 have the same shape as every error, and an id."""
    composed = Composed({"tickets": local("billing")})
    lost = get(composed.app, path="/v1/nothing")
    wrong = get(composed.app, path=PATH, method="GET")
    assert (404, "unknown_path") == (lost.status, lost.error["code"])
    assert (405, "method_not_allowed", "POST") == (
        wrong.status,
        wrong.error["code"],
        wrong.headers["allow"],
    )
    assert lost.headers["x-request-id"].startswith("req_")
    assert "there are: " in lost.error["message"]
    assert PATH in lost.error["message"]


def test_without_a_key_there_is_no_call_and_no_event() -> None:
    """A 401 is no one's call: it is not written down, and its body is not read."""
    composed = Composed({"tickets": local("billing")})
    got = get(composed.app, CHAT, headers={"authorization": "Bearer other"})
    assert "Bearer" == got.headers["www-authenticate"]
    assert (401, "authentication_error", "invalid_api_key") == (
        got.status,
        got.error["type"],
        got.error["code"],
    )
    assert [] == composed.journal.events


def test_a_limit_says_when_to_come_again() -> None:
    """429 carries Retry-After in whole seconds, rounded up."""
    composed = Composed({"limited": local("billing")})
    got = get(composed.app, {**CHAT, "model": "limited"})
    assert (429, "13") == (got.status, got.headers["retry-after"])


def test_every_call_gets_its_own_id_whatever_the_client_says() -> None:
    """A client's id is echoed beside ours, and is never taken for it."""
    composed = Composed({"tickets": local("billing")})
    first = get(composed.app, CHAT, headers={"x-request-id": "mine-1"})
    second = get(composed.app, CHAT, headers={"x-request-id": "mine-1"})
    assert "mine-1" == first.headers["x-client-request-id"]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    odd = get(composed.app, CHAT, headers={"x-request-id": "a\x01b"})
    assert "x-client-request-id" not in odd.headers


def test_a_whole_reply_is_streamed_where_a_stream_is_wanted() -> None:
    """A local answer comes as chunks: who answered in the first, its end, the usage that was asked for."""
    composed = Composed({"tickets": local("billing")})
    got = get(composed.app, {**CHAT, "stream": True, "stream_options": {"include_usage": True}})
    *chunks, done = got.events
    assert "text/event-stream; charset=utf-8" == got.headers["content-type"]
    assert "[DONE]" == done
    assert {"role": "assistant", "content": "billing"} == chunks[0]["choices"][0]["delta"]
    assert "small" == chunks[0]["suffice"]["tier"]
    assert "stop" == chunks[1]["choices"][0]["finish_reason"]
    assert ([], 9) == (chunks[2]["choices"], chunks[2]["usage"]["total_tokens"])
    assert {"linear"} == {chunk["model"] for chunk in chunks}


async def _two() -> AsyncIterator[dict[str, Any]]:
    yield chunk("bill")
    yield chunk("ing", finish="stop")


def test_litellm_31722_a_stream_names_the_served_model_in_every_chunk() -> None:
    """The client is told which model answers, not the alias it asked for nor the server's."""
    composed = Composed({"tickets": streaming(_two)})
    *chunks, done = get(composed.app, {**CHAT, "stream": True}).events
    assert "[DONE]" == done
    assert ["large-v2", "large-v2"] == [chunk["model"] for chunk in chunks]
    assert ["bill", "ing"] == [chunk["choices"][0]["delta"]["content"] for chunk in chunks]
    assert ["suffice"] == [name for name in chunks[0] if name not in chunks[1]]


@pytest.mark.parametrize("status", [500, 429, None])
def test_litellm_40404_a_stream_that_breaks_ends_in_an_error_event(status: int | None) -> None:
    """What came so far went out; then there is an error, no [DONE], and the event of the call tells of it."""

    async def breaks() -> AsyncIterator[dict[str, Any]]:
        yield chunk("bill")
        raise TierFailed("the connection was closed", status=status)

    composed = Composed({"tickets": streaming(breaks)})
    got = get(composed.app, {**CHAT, "stream": True})
    first, last = got.events
    assert "bill" == first["choices"][0]["delta"]["content"]
    assert "stream_broke" == last["error"]["code"]
    assert "large broke off: the connection was closed" == last["error"]["message"]
    (event,) = composed.journal.events
    assert (200, "stream_broke", True) == (event.status, event.error, event.left_machine)


def test_chunks_that_came_together_are_sent_together() -> None:
    """What a server sent in one piece costs one part."""
    at_hand = iter([[chunk("will "), chunk("refund ")], []])

    async def two() -> AsyncIterator[dict[str, Any]]:
        yield chunk("I ")
        yield chunk("it")

    async def script(_call: Call) -> Outcome:
        stream = Streaming(
            tier="large", place=Place.REMOTE, model="large-v2", chunks=two(), at_hand=lambda: next(at_hand)
        )
        return Outcome(steps=(step("large", Place.REMOTE),), streaming=stream)

    got = get(Composed({"tickets": script}).app, {**CHAT, "stream": True})
    words = [event["choices"][0]["delta"]["content"] for event in got.events[:-1]]
    assert ["I ", "will ", "refund ", "it"] == words
    assert [3, 1, 1] == [part.count(b"data: ") for part in got.parts]


def test_a_fault_within_a_stream_shows_nothing_of_itself() -> None:
    """An unforeseen error mid-stream is an error event with an id, without a traceback or its words."""

    async def faulty() -> AsyncIterator[dict[str, Any]]:
        yield chunk("bill")
        raise ZeroDivisionError("secret")

    composed = Composed({"tickets": streaming(faulty)})
    got = get(composed.app, {**CHAT, "stream": True})
    assert "internal_error" == got.events[-1]["error"]["code"]
    assert b"secret" not in got.body


def test_a_fault_before_the_answer_is_a_500_with_an_id() -> None:
    """An unforeseen error is an event too; the body holds the id and nothing of the error."""

    async def faulty(_call: Call) -> Outcome:
        raise ZeroDivisionError("secret")

    composed = Composed({"tickets": faulty})
    got = get(composed.app, CHAT)
    assert (500, "internal_error") == (got.status, got.error["code"])
    assert got.headers["x-request-id"] in got.error["message"]
    assert b"secret" not in got.body
    (event,) = composed.journal.events
    assert (500, "internal_error", True) == (event.status, event.error, event.left_machine)


def test_nobody_trusted_is_final_and_says_why() -> None:
    """A call that every tier passed up is a 502 that clients do not repeat, with the way it went."""

    async def abstained(_call: Call) -> Outcome:
        raise NobodyAnswered("no tier's answer can be trusted (small passed it up)", code="abstained")

    composed = Composed({"tickets": abstained})
    got = get(composed.app, CHAT)
    assert (502, "abstained", "false") == (got.status, got.error["code"], got.headers["x-should-retry"])
    assert "small passed it up" in got.error["message"]


def test_a_failed_call_keeps_its_way_in_the_event() -> None:
    """Steps that an error brings along decide whether the call left this machine."""
    failed = NobodyAnswered("time ran out", status=504)
    failed.steps = (step("large", Place.REMOTE, Verdict.FAILED),)

    async def fails(_call: Call) -> Outcome:
        raise failed

    composed = Composed({"tickets": fails})
    got = get(composed.app, CHAT)
    assert (504, "tickets") == (got.status, got.headers["x-suffice-route"])
    (event,) = composed.journal.events
    assert (True, ("large",)) == (event.left_machine, tuple(one.tier for one in event.steps))


def test_a_call_for_a_person_is_a_202_with_a_ticket() -> None:
    """The ticket and its address come in OpenAI's frame, in a choice that is no answer."""

    async def queued(_call: Call) -> Outcome:
        return Outcome(steps=(step("people", Place.HUMAN, Verdict.QUEUED),), ticket="t-1")

    composed = Composed({"tickets": queued})
    got = get(composed.app, CHAT)
    assert (202, "/review/t-1") == (got.status, got.headers["location"])
    assert ("t-1", "/review/t-1") == (got.json["id"], got.json["url"])
    assert ("t-1", "t-1") == (got.headers["x-suffice-ticket"], got.json["suffice"]["ticket"])
    (choice,) = got.json["choices"]
    assert ("content_filter", choice["message"]["refusal"]) == (
        choice["finish_reason"],
        choice["message"]["content"],
    )
    assert ["t-1"] == [event.ticket for event in composed.journal.events]


def test_the_event_and_the_charge_are_the_same_one() -> None:
    """Journal and door hear of each call once, with the hashes of the bytes that were sent."""
    composed = Composed({"tickets": local("billing")})
    get(composed.app, CHAT)
    (event,) = composed.journal.events
    assert [event] == composed.door.charged
    assert ("k1", "tickets", "chat", "small", False) == (
        event.key_id,
        event.route,
        event.operation,
        event.tier,
        event.left_machine,
    )
    assert (64, 64, None) == (len(event.request_sha256), len(event.response_sha256), event.request_text)


def test_a_client_that_leaves_cancels_the_call() -> None:
    """From 50 ms on a closed connection is noticed: the walk is cancelled, and the event says so."""
    cancelled = []

    async def hangs(call: Call) -> Outcome:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(call.id)
            raise
        raise AssertionError

    composed = Composed({"tickets": hangs})
    messages = iter(
        [{"type": "http.request", "body": json.dumps(CHAT).encode()}, {"type": "http.disconnect"}]
    )

    async def run() -> None:
        async def receive() -> dict[str, Any]:
            return next(messages)

        with pytest.raises(IndexError):  # nothing was sent
            await asked(composed.app, receive=receive)

    asyncio.run(run())
    (event,) = composed.journal.events
    assert (499, "client_left", [event.id]) == (event.status, event.error, cancelled)


def test_a_client_that_leaves_a_stream_closes_the_servers() -> None:
    """The iterator is closed, down to the connection, as soon as nobody reads."""
    closed = []

    async def endless() -> AsyncIterator[dict[str, Any]]:
        try:
            while True:
                yield chunk("word ")
                await asyncio.sleep(0.001)
        finally:
            closed.append(True)

    composed = Composed({"tickets": streaming(endless)})
    first = {"type": "http.request", "body": json.dumps({**CHAT, "stream": True}).encode()}
    messages = iter([first, {"type": "http.disconnect"}])

    async def receive() -> dict[str, Any]:
        return next(messages)

    got = get(composed.app, receive=receive)
    assert [True] == closed
    assert b"[DONE]" not in got.body
    assert ["client_left"] == [event.error for event in composed.journal.events]


def test_models_are_listed() -> None:
    """Every route is a model."""
    composed = Composed({"urgency": local("high"), "tickets": local("billing")})
    got = get(composed.app, path="/v1/models", method="GET")
    assert ["tickets", "urgency"] == [model["id"] for model in got.json["data"]]
    assert {"suffice"} == {model["owned_by"] for model in got.json["data"]}


def test_one_model_is_shown_by_its_name() -> None:
    """The rest of the path is the name, slashes and all; an unknown one is a 404 that names the known."""
    composed = Composed({"team/tickets": local("billing")})
    assert "team/tickets" == get(composed.app, path="/v1/models/team/tickets", method="GET").json["id"]
    lost = get(composed.app, path="/v1/models/tickets", method="GET")
    assert (404, "model_not_found") == (lost.status, lost.error["code"])


@pytest.mark.parametrize("path", ["/chat/completions", "/v1/v1/chat/completions", "/v1/chat/completions/"])
def test_a_wrong_base_url_is_told_the_right_one(path: str) -> None:
    """The usual slips get a 404 in OpenAI's shape that says how the base URL ends, pages or not."""

    async def pages(_scope: Any, _receive: Any, _send: Any) -> None:
        raise AssertionError

    got = get(Composed({}, pages=pages).app, CHAT, path=path)
    assert 404 == got.status
    assert "the base URL ends in /v1, the path in /chat/completions" in got.error["message"]


def test_feedback_is_acknowledged_once_it_is_kept() -> None:
    """A judgement goes to the port with the caller's key; unknown fields and calls are refused."""
    composed = Composed({"tickets": local("billing")})
    body = {"request_id": "req_1", "label": "refund", "comment": "two charges"}
    got = get(composed.app, body, path="/v1/feedback")
    assert (200, "req_1") == (got.status, got.json["request_id"])
    (kept,) = composed.feedback.kept
    assert ("k1", "refund", None, "two charges") == (kept.key_id, kept.label, kept.correct, kept.comment)
    assert 404 == get(composed.app, {**body, "request_id": "req_unknown"}, path="/v1/feedback").status
    assert "labl" == get(composed.app, {"request_id": "r", "labl": "x"}, path="/v1/feedback").error["param"]
    nothing = get(composed.app, {"request_id": "r", "comment": "hm"}, path="/v1/feedback")
    assert "label, correct and score" in nothing.error["message"]


def test_health_and_readiness_say_what_is_wrong() -> None:
    """Health is always 200, readiness 503 where something is wrong; both name it, and need no key."""
    troubles = {"store": "the disk is full"}
    composed = Composed({}, health=lambda: troubles, ready=lambda: troubles)
    health = get(composed.app, path="/health", method="GET", headers={"authorization": ""})
    ready = get(composed.app, path="/ready", method="GET")
    assert (200, {"status": "degraded", "troubles": troubles}) == (health.status, health.json)
    assert 503 == ready.status


def test_metrics_need_the_scope_view() -> None:
    """Who may see the pages may see the metrics, and nobody else."""
    composed = Composed({}, metrics=lambda: b"calls_total 3\n")
    assert b"calls_total 3\n" == get(composed.app, path="/metrics", method="GET").body
    composed.door.caller = type(composed.door.caller)(key_id="k2", scopes=frozenset({"call"}))
    assert 403 == get(composed.app, path="/metrics", method="GET").status


def test_other_paths_are_the_pages() -> None:
    """What is no endpoint's goes to the pages, but nothing below /v1."""
    seen = []

    async def pages(scope: Any, _receive: Any, send: Any) -> None:
        seen.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"page"})

    composed = Composed({}, pages=pages)
    assert b"page" == get(composed.app, path="/", method="GET").body
    assert 404 == get(composed.app, path="/v1/x", method="GET").status
    assert ["/"] == seen
