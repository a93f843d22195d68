"""A server's stream as a tier hands it on: begun before it is returned, whole or a failure."""

import asyncio
import gc

import pytest

from suffice.models.http.endpoint import Waiting
from suffice.ports import Usage
from suffice.serve.call import Operation
from suffice.serve.errors import TierFailed
from suffice.serve.reply import Reply, Streaming
from suffice.serve.tiers.upstreams.breaker import BreakerSettings, BreakerState
from tests.unit.serve.tiers.loopback_upstream import (
    DONE,
    END,
    EVENTS,
    PRICE,
    USAGE,
    a_call,
    asking,
    chunk,
    completion,
    event,
    playing,
    raw,
    response,
)

HELLO = event(chunk("Hel")) + event(chunk("lo"))
WHOLE = HELLO + END + USAGE + DONE


def read(script, call=None, **settings):
    """Returns the stream's chunks, what was told of it, and the failure that broke it (None for none)."""

    async def run():
        async with playing(script) as upstream, asking(upstream, **settings) as tier:
            streaming = await tier.stream(call or a_call(stream=True))
            assert isinstance(streaming, Streaming)
            chunks, failure = [], None
            try:
                async for part in streaming.chunks:
                    chunks.append(part)  # noqa: PERF401 - those before a failure are wanted
            except TierFailed as error:
                failure = error
            assert (0, 0) == tier.load
            assert [] == [part async for part in streaming.chunks]
            return chunks, streaming, failure, upstream

    return asyncio.run(run())


def failure(*scripts, **settings):
    """Returns the failure of a stream that never began, and the server."""

    async def run():
        async with playing(*scripts) as upstream, asking(upstream, **settings) as tier:
            with pytest.raises(TierFailed) as caught:
                await tier.stream(a_call(stream=True))
            assert (0, 0) == tier.load
            return caught.value, upstream

    return asyncio.run(run())


def words(chunks):
    """Returns the text of all chunks."""
    return "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])


def test_chunks_come_with_usage_and_cost_for_the_gateway_alone():
    """Usage is asked for, told by the reply, and hidden from a client that did not ask for it."""
    chunks, streaming, broken, upstream = read(raw(EVENTS + WHOLE), price=PRICE)
    assert ("Hello", 3, None) == (words(chunks), len(chunks), broken)
    assert Usage(input_tokens=5, output_tokens=3) == streaming.usage
    assert streaming.cost_usd == pytest.approx(11e-6)
    assert "really-this" == streaming.model
    assert {"include_usage": True} == upstream.received[0].body["stream_options"]
    assert upstream.received[0].body["stream"] is True


def test_a_client_that_asks_for_usage_gets_it():
    """The server's own usage chunk is handed on."""
    body = {**a_call().body, "stream_options": {"include_usage": True}}
    chunks, *_ = read(raw(EVENTS + WHOLE), a_call(stream=True, body=body))
    assert {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}} == chunks[-1]


def test_usage_within_other_chunks_is_hidden_too():
    """Servers that write `usage: null` into each chunk, or the usage into the last one with a choice."""
    last = chunk(finish_reason="stop", usage={"prompt_tokens": 5, "completion_tokens": 3})
    stream = event(chunk("a", usage=None)) + event(last) + DONE
    chunks, streaming, *_ = read(raw(EVENTS + stream))
    assert [False, False] == ["usage" in part for part in chunks]
    assert Usage(input_tokens=5, output_tokens=3) == streaming.usage


def test_a_server_without_stream_options_is_not_sent_any():
    """What the site drops is not added either; usage is then not known."""
    _, streaming, _, upstream = read(
        raw(EVENTS + HELLO + END + DONE), drop_params=frozenset({"stream_options"}), price=PRICE
    )
    assert "stream_options" not in upstream.received[0].body
    assert (Usage(), None) == (streaming.usage, streaming.cost_usd)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_signs_split_over_packets_are_whole(size):
    """UTF-8, lines and events may fall into any pieces."""
    data = EVENTS + 'data: {"choices":[{"delta":{"content":"ä€😀"}}]}\r\n\r\n'.encode() + END + DONE
    pieces = [data[i : i + size] for i in range(0, len(data), size)]
    assert "ä€😀" == words(read(raw(*pieces))[0])


def test_comments_and_chunks_without_choices_before_the_answer_are_kept():
    """A reply has begun with its first words; what comes before is handed on, comments are not."""
    before = {"choices": [], "prompt_filter_results": []}
    chunks, *_ = read(raw(EVENTS + b": ping\n\n" + event(before) + WHOLE))
    assert [before, "Hello"] == [chunks[0], words(chunks)]


def test_a_stream_without_done_is_whole_once_its_answer_ended():
    """What counts is the finish reason."""
    chunks, _, broken, _ = read(raw(EVENTS + HELLO + END[:-2]))
    assert ("Hello", None) == (words(chunks), broken)


def test_nothing_after_done_is_read():
    """The end is the end."""
    chunks, _, broken, _ = read(raw(EVENTS + WHOLE + event(b"garbage")))
    assert ("Hello", None) == (words(chunks), broken)


BREAKS = {
    "ends": (b"", "broke off within its stream"),
    "done_too_early": (DONE, "broke off within its stream"),
    "error": (event({"error": {"message": "sk-secret overloaded"}}), "sent an error within its stream"),
    "error_with_choices": (
        event(chunk(finish_reason="error", error={"message": "no"})) + DONE,
        "sent an error within its stream",
    ),
    "half_json": (event(b'{"choices": [{'), "sent an event that is no JSON"),
    "no_utf8": (event(b'{"choices":[{"delta":{"content":"\xff"}}]}'), "sent an event that is no JSON"),
    "no_chunk": (event({"hello": 1}), "sent an event that is no chunk of a completion"),
    "choices_are_an_object": (event({"choices": {"a": 1}}), "sent an event that is no chunk of a completion"),
    "choices_are_empty": (event({"choices": {}}), "sent an event that is no chunk of a completion"),
    "choices_are_numbers": (event({"choices": [1]}), "sent an event that is no chunk of a completion"),
    "a_delta_is_a_number": (
        event({"choices": [{"index": 0, "delta": 3}]}),
        "sent an event that is no chunk of a completion",
    ),
    "index_is_a_list": (
        event({"choices": [{"index": []}]}),
        "sent an event that is no chunk of a completion",
    ),
    "a_number": (event(b"5"), "sent an event that is no chunk of a completion"),
    "huge_line": (b"data: " + b"x" * 70_000, "an event is larger than 50,000 bytes"),
    "flood": (HELLO * 1000, "sent more than 90,000 bytes"),
}


@pytest.mark.parametrize(("rest", "why"), BREAKS.values(), ids=BREAKS)
def test_a_stream_that_breaks_is_an_error_after_its_words(rest, why):
    """The words before come first; then a failure that quotes nothing."""
    chunks, _, broken, _ = read(raw(EVENTS + HELLO, 0.01, rest), event_bytes=50_000, reply_bytes=90_000)
    assert words(chunks).startswith("Hello")
    assert broken is not None
    assert why in broken.message
    assert "sk-secret" not in broken.message


def test_a_cut_connection_within_chunked_coding_is_a_failure():
    """A stream whose last chunk never came is not taken for whole."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    *_, broken, _ = read(raw(head + f"{len(HELLO):x}\r\n".encode() + HELLO + b"\r\n"))
    assert broken is not None
    assert "broke off" in broken.message


def test_a_stall_within_the_stream_ends():
    """A pause that is too long is a failure (llm-gateway 1656: a stalled stream must not hang)."""
    waiting = Waiting(idle_s=0.05, first_byte_s=5.0, attempts=3)
    chunks, _, broken, upstream = read(raw(EVENTS + HELLO, 5.0), waiting=waiting)
    assert "Hello" == words(chunks)
    assert broken is not None
    assert "stalled within its stream" in broken.message
    assert 1 == len(upstream.received)


def test_pings_do_not_keep_a_stream_alive_for_ever():
    """Comments are no answer: the total ends them."""
    waiting = Waiting(idle_s=5.0, total_s=0.3, attempts=1)
    *_, broken, _ = read(raw(EVENTS + HELLO, *[b": ping\n\n", 0.01] * 200), waiting=waiting)
    assert broken is not None


NEVER_BEGUN = {
    "empty": (raw(EVENTS), "broke off within its stream"),
    "done_only": (raw(EVENTS + DONE), "broke off within its stream"),
    "error_first": (raw(EVENTS + event({"error": {"message": "no"}})), "sent an error within its stream"),
    "html": (response(b"<html>", kind="text/html"), "sent no stream but 'text/html'"),
    "status": (response(status=500), "answered status 500"),
}


SILENCES = {
    "silence": (raw(5.0), "sent no byte of a reply"),
    "headers_only": (raw(EVENTS, 5.0), "began no answer"),
    "pings_only": (raw(EVENTS, *[b": ping\n\n", 0.01] * 200), "began no answer"),
}


@pytest.mark.parametrize(("script", "why"), SILENCES.values(), ids=SILENCES)
def test_a_silent_stream_leaves_the_next_tier_its_chance(script, why):
    """Also where the server sends headers, or signs of life without words."""
    error, _ = failure(script, waiting=Waiting(first_byte_s=0.2, attempts=1))
    assert why in error.message


@pytest.mark.parametrize(("script", "why"), NEVER_BEGUN.values(), ids=NEVER_BEGUN)
def test_a_stream_that_never_begins_leaves_the_next_tier_its_chance(script, why):
    """Until the first words nothing was handed on, so it is a failure of `stream` itself."""
    error, _ = failure(script)
    assert why in error.message


def test_only_what_came_before_the_first_byte_is_tried_again():
    """A status is; a stream that had begun with headers is not."""
    thrice = Waiting(attempts=3)
    _, upstream = failure(response(status=503), raw(EVENTS), response(status=503), waiting=thrice)
    assert 2 == len(upstream.received)


def test_a_server_that_does_not_stream_gives_a_whole_reply():
    """A JSON reply to a call for a stream is an answer."""

    async def run():
        async with playing(response(completion())) as upstream, asking(upstream) as tier:
            return await tier.stream(a_call(stream=True))

    reply = asyncio.run(run())
    assert isinstance(reply, Reply)
    assert "billing" == reply.text


def test_embeddings_are_never_streamed():
    """An operation without a stream is asked whole."""

    async def run():
        async with playing(response({"data": [{"embedding": [1.0]}]})) as upstream, asking(upstream) as tier:
            reply = await tier.stream(a_call(stream=True, operation=Operation.EMBEDDING))
            return reply, upstream

    reply, upstream = asyncio.run(run())
    assert isinstance(reply, Reply)
    assert "stream" not in upstream.received[0].body


@pytest.mark.parametrize("begun", [False, True])
def test_leaving_early_closes_the_connection(begun):
    """The server sees it, and the place is free, also where nobody ever read a chunk."""

    async def run():
        async with playing(raw(EVENTS + HELLO, 5.0)) as upstream, asking(upstream) as tier:
            streaming = await tier.stream(a_call(stream=True))
            if begun:
                await anext(streaming.chunks)
            assert (1, 0) == tier.load
            await streaming.chunks.aclose()
            await asyncio.wait_for(upstream.lost.wait(), 2)
            assert (0, 0) == tier.load

    asyncio.run(run())


def test_a_forgotten_stream_frees_its_place():
    """A stream that is dropped unread and never left must not take the server's places one by one."""

    async def run():
        async with playing(raw(EVENTS + HELLO, 5.0)) as upstream, asking(upstream) as tier:
            streaming = await tier.stream(a_call(stream=True))
            assert (1, 0) == tier.load
            del streaming
            gc.collect()
            await asyncio.wait_for(upstream.lost.wait(), 2)
            assert (0, 0) == tier.load

    asyncio.run(run())


def test_cancelling_a_reader_closes_the_connection():
    """A client that leaves while the server is silent cancels it."""

    async def run():
        async with playing(raw(EVENTS + HELLO, 5.0)) as upstream, asking(upstream) as tier:
            streaming = await tier.stream(a_call(stream=True))

            async def drain():
                async for _ in streaming.chunks:
                    pass

            task = asyncio.create_task(drain())
            await asyncio.sleep(0.02)
            task.cancel()
            await asyncio.wait_for(upstream.lost.wait(), 2)
            await asyncio.gather(task, return_exceptions=True)
            assert (0, 0) == tier.load

    asyncio.run(run())


def test_a_stream_holds_its_place_until_it_ends():
    """Streams count as calls at work."""

    async def run():
        async with playing(raw(EVENTS + WHOLE)) as upstream, asking(upstream, concurrency=1) as tier:
            first = await tier.stream(a_call(stream=True))
            second = asyncio.create_task(tier.stream(a_call(stream=True)))
            await asyncio.sleep(0.02)
            assert (1, 1) == tier.load
            _ = [part async for part in first.chunks]
            _ = [part async for part in (await second).chunks]
            assert (0, 0) == tier.load

    asyncio.run(run())


def test_connections_of_whole_streams_are_used_again():
    """A stream that was read to its end leaves its connection for the next one."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = f"{len(WHOLE):x}\r\n".encode() + WHOLE + b"\r\n"

    async def run():
        async with playing(raw(head + body, b"0\r\n\r\n", close=False)) as upstream, asking(upstream) as tier:
            for _ in range(3):
                streaming = await tier.stream(a_call(stream=True))
                assert "Hello" == words([part async for part in streaming.chunks])
            return upstream

    assert 1 == asyncio.run(run()).connections


def test_broken_streams_open_the_breaker():
    """A server that breaks its streams is left alone like one that refuses calls."""

    async def run():
        breaker = BreakerSettings(in_a_row=1)
        async with playing(raw(EVENTS + HELLO)) as upstream, asking(upstream, breaker=breaker) as tier:
            streaming = await tier.stream(a_call(stream=True))
            with pytest.raises(TierFailed):
                _ = [part async for part in streaming.chunks]
            assert BreakerState.OPEN is tier.breaker_state

    asyncio.run(run())


def test_a_count_that_came_too_early_is_no_count():
    """Who leaves before the last one pays for what was written: some servers begin with a count of 0."""
    first = event(chunk("a", usage={"prompt_tokens": 5, "completion_tokens": 0}))
    call = a_call(stream=True)

    async def run():
        script = raw(EVENTS + first + event(chunk("b")) * 40, 5.0)
        async with playing(script) as upstream, asking(upstream) as tier:
            streaming = await tier.stream(call)
            await anext(streaming.chunks)
            await anext(streaming.chunks)
            await streaming.chunks.aclose()

    asyncio.run(run())
    assert 41 == call.unread.tokens


def test_a_stream_that_was_read_to_its_end_is_charged_what_it_says():
    """Nothing is added to the server's own count."""
    call = a_call(stream=True)
    read(raw(EVENTS + WHOLE), call)
    assert 0 == call.unread.tokens
