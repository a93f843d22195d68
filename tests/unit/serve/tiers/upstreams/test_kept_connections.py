"""What a tier makes of kept connections, dead addresses and replies that break HTTP, over real sockets."""

import asyncio
import gzip

import pytest

from suffice.models.http.endpoint import Waiting
from suffice.serve.errors import TierFailed
from suffice.serve.tiers.upstreams.breaker import BreakerSettings, BreakerState
from tests.unit.serve.tiers.loopback_upstream import (
    DONE,
    END,
    a_call,
    asking,
    chunk,
    completion,
    event,
    playing,
    raw,
    response,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def answers(*scripts, waiting, calls, at_once=1):
    """Returns the texts or failures of calls, one after the other after some at once, and the server."""

    async def run():
        async with playing(*scripts) as upstream, asking(upstream, waiting=waiting) as tier:
            said = list(await asyncio.gather(*(tier.answer(a_call()) for _ in range(at_once))))
            for _ in range(calls):
                try:
                    said.append(await tier.answer(a_call()))
                except TierFailed as error:
                    said.append(error)
            return [getattr(one, "text", one) for one in said], upstream

    return asyncio.run(run())


def test_a_connection_dropped_while_it_was_kept_is_replaced_at_once():
    """Not a byte of a reply came: the call goes over a fresh connection, without a pause."""
    good = response(completion())
    said, upstream = answers(good, raw(), good, waiting=Waiting(attempts=2), calls=1)
    assert (["billing", "billing"], [0.0], 2) == (said, upstream.pauses, upstream.connections)


def test_one_dropped_connection_means_all_that_were_kept():
    """A server that was restarted has dropped them all: only one attempt is spent on that."""
    good = response(completion())
    scripts = [good, good, good, raw(), good]
    said, upstream = answers(*scripts, waiting=Waiting(attempts=2), at_once=3, calls=1)
    assert (["billing"] * 4, [0.0]) == (said, upstream.pauses)


def test_a_fresh_connection_that_is_dropped_is_tried_after_a_pause():
    """That is no connection that grew old: the server is in trouble."""
    good = response(completion())
    said, upstream = answers(good, raw(), raw(), good, waiting=Waiting(attempts=3), calls=1)
    assert ["billing", "billing"] == said
    assert 0.0 == upstream.pauses[0]
    assert upstream.pauses[1] > 0.25


def test_where_one_attempt_is_allowed_a_dropped_connection_is_a_failure():
    """The site's word holds for this too."""
    good = response(completion())
    said, upstream = answers(good, raw(), good, waiting=Waiting(attempts=1), calls=1)
    assert ("tier big broke off before its reply", []) == (said[1].message, upstream.pauses)


@pytest.mark.parametrize("data", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n", b"SSH-2.0-x\r\n"])
def test_nothing_is_sent_twice_once_a_byte_came(data):
    """The server may be at work on it already."""
    good = response(completion())
    said, upstream = answers(good, raw(data), good, waiting=Waiting(attempts=3), calls=1)
    assert isinstance(said[1], TierFailed)
    assert (2, []) == (len(upstream.received), upstream.pauses)


NAMED = {
    "compressed": (
        response(gzip.compress(b"{}"), Content_Encoding="gzip"),
        "tier big sent a compressed reply, which nobody asked for",
    ),
    "no HTTP": (raw(b"SSH-2.0-x\r\n\r\n"), "tier big sent what is no HTTP reply: "),
    "two lengths": (
        raw(HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"),
        "tier big sent what is no HTTP reply: ",
    ),
    "chunks that are none": (
        raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        "tier big sent nonsense within its reply: ",
    ),
    "half a reply": (raw(HEAD + b"Content-Length: 9\r\n\r\n{"), "tier big broke off within its reply"),
    "nothing": (raw(), "tier big broke off before its reply"),
}


@pytest.mark.parametrize(("script", "why"), NAMED.values(), ids=NAMED)
def test_failures_say_what_is_wrong(script, why):
    """Each by its name, and the server is to blame."""

    async def run():
        breaker = BreakerSettings(in_a_row=1)
        async with playing(script) as upstream, asking(upstream, breaker=breaker) as tier:
            with pytest.raises(TierFailed) as caught:
                await tier.answer(a_call())
            return caught.value, tier.breaker_state

    error, state = asyncio.run(run())
    assert error.message.startswith(why)
    assert (BreakerState.OPEN, False) == (state, error.is_callers_fault)


def test_a_status_counts_though_its_body_is_nonsense():
    """What a server says is refused is refused, whatever it says it with."""
    for rest in (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"Content-Length: 2\r\n\r\n{}{}"):
        script = raw(b"HTTP/1.1 429 Later\r\nRetry-After: 3\r\n" + rest)
        said, upstream = answers(
            response(completion()), script, response(completion()), waiting=Waiting(attempts=2), calls=1
        )
        assert (["billing", "billing"], [3.0]) == (said, upstream.pauses)


def test_nonsense_within_a_stream_is_said_after_its_words():
    """The connection of a broken stream is not used again."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    hello = event(chunk("Hello"))
    broken = head + b"%x\r\n" % len(hello) + hello + b"\r\nzz\r\n"
    rest = event(chunk("Hello")) + END + DONE
    whole = head + b"%x\r\n" % len(rest) + rest + b"\r\n0\r\n\r\n"

    async def run():
        scripts = [raw(broken, close=False), raw(whole, close=False)]
        async with playing(*scripts) as upstream, asking(upstream) as tier:
            streaming = await tier.stream(a_call(stream=True))
            first = await anext(streaming.chunks)
            assert "Hello" == first["choices"][0]["delta"]["content"]
            with pytest.raises(TierFailed, match="sent nonsense within its stream: "):
                await anext(streaming.chunks)
            again = [part async for part in (await tier.stream(a_call(stream=True))).chunks]
            assert (2, 2) == (len(again), upstream.connections)

    asyncio.run(run())


def test_a_tier_that_was_closed_opens_again():
    """In another event loop too: connections stay in theirs."""

    async def once(tier):
        text = (await tier.answer(a_call())).text
        await tier.close()
        return text

    async def run():
        async with playing(response(completion())) as upstream, asking(upstream) as tier:
            assert ["billing", "billing"] == [await once(tier), await once(tier)]
            other = asyncio.new_event_loop()
            try:
                return await asyncio.to_thread(other.run_until_complete, once(tier))
            finally:
                other.close()

    assert "billing" == asyncio.run(run())
