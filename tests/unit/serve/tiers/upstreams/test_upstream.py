"""A server as a tier, against a real server on loopback that behaves, refuses, stalls, lies and breaks."""

import asyncio
import gzip

import pytest

from suffice.models.http.endpoint import Waiting
from suffice.ports import Usage
from suffice.serve.call import Operation, Wishes
from suffice.serve.errors import LimitReached, TierFailed, TierUnavailable
from suffice.serve.reply import Place
from suffice.serve.tiers.upstreams.breaker import BreakerSettings, BreakerState
from tests.unit.serve.tiers.loopback_upstream import (
    PRICE,
    a_call,
    asking,
    completion,
    playing,
    raw,
    response,
)

THRICE = Waiting(attempts=3, backoff_s=0.5)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def ask(*scripts, call=None, **settings):
    """Returns what the tier replies, and the server."""

    async def run():
        async with playing(*scripts) as upstream, asking(upstream, **settings) as tier:
            return await tier.answer(call or a_call()), upstream

    return asyncio.run(run())


def failure(*scripts, call=None, **settings):
    """Returns the failure of the tier, and the server."""

    async def run():
        async with playing(*scripts) as upstream, asking(upstream, **settings) as tier:
            with pytest.raises(TierFailed) as caught:
                await tier.answer(call or a_call())
            assert (0, 0) == tier.load
            return caught.value, upstream

    return asyncio.run(run())


def test_a_whole_reply_is_handed_on_with_usage_and_cost():
    """The server's JSON is the payload; text, model, usage and money are read from it."""
    reply, upstream = ask(response(completion()), price=PRICE)
    assert completion() == reply.payload
    assert ("billing", "really-this", Place.REMOTE, False) == (
        reply.text,
        reply.model,
        reply.place,
        reply.escalate,
    )
    assert Usage(input_tokens=50, output_tokens=2) == reply.usage
    assert reply.cost_usd == pytest.approx(54e-6)
    assert "/v1/chat/completions" == upstream.received[0].path


def test_cost_is_unknown_without_price_or_usage():
    """Neither a missing price nor a missing usage is 0."""
    assert ask(response(completion()))[0].cost_usd is None
    assert ask(response(completion(usage=None)), price=PRICE)[0].cost_usd is None


def test_the_body_is_passed_on_with_the_tiers_model():
    """All of the client's fields but the gateway's own and the refused ones; no stream options."""
    body = {
        **a_call().body,
        "seed": 7,
        "user": "u",
        "suffice_route": "x",
        "stream_options": {},
        "stream": False,
    }
    _, upstream = ask(response(completion()), call=a_call(body=body), drop_params=frozenset({"user"}))
    assert {"model": "m", "messages": body["messages"], "seed": 7} == upstream.received[0].body


def test_a_masked_body_is_what_leaves():
    """Where policy masked, the body as it was sent goes nowhere."""
    masked = {"model": "asked", "messages": [{"role": "user", "content": "[EMAIL]"}]}
    _, upstream = ask(response(completion()), call=a_call(text="a@b.example", masked_body=masked))
    assert {**masked, "model": "m"} == upstream.received[0].body


def test_only_the_gateways_own_headers_are_sent(monkeypatch):
    """The key comes from the environment; nothing of the client, no cookies, no compression."""
    monkeypatch.setenv("BIG_KEY", "sk-secret")
    _, upstream = ask(response(completion(), Set_Cookie="a=b"), api_key_env="BIG_KEY")
    headers = upstream.received[0].headers
    assert "Bearer sk-secret" == headers["Authorization"]
    assert "identity" == headers["Accept-Encoding"]
    names = {
        "Host",
        "Accept",
        "Accept-Encoding",
        "Authorization",
        "Content-Type",
        "Content-Length",
        "User-Agent",
    }
    assert names == set(headers)


def test_the_trace_goes_on():
    """The gateway's own trace context is sent along, as the call holds it."""
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    _, upstream = ask(response(completion()), call=a_call(traceparent=parent))
    assert parent == upstream.received[0].headers["traceparent"]


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    """A proxy variable sends no call elsewhere."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert "billing" == ask(response(completion()))[0].text


@pytest.mark.parametrize(
    ("operation", "path", "payload"),
    [
        (Operation.COMPLETION, "/v1/completions", {"choices": [{"text": "x"}]}),
        (Operation.EMBEDDING, "/v1/embeddings", {"data": [{"embedding": [0.5]}]}),
    ],
)
def test_other_operations_pass_through(operation, path, payload):
    """Completions and embeddings go to their own paths, and come back as they are."""
    reply, upstream = ask(response(payload), call=a_call(operation=operation))
    assert (path, payload) == (upstream.received[0].path, reply.payload)


@pytest.mark.parametrize("kept", [{"local_only": True}, {"wishes": Wishes(local_only=True)}])
def test_a_call_that_must_stay_is_not_sent(kept):
    """Whatever asked for it: the tier itself lets nothing private out."""
    error, upstream = failure(response(completion()), call=a_call(**kept))
    assert isinstance(error, TierUnavailable)
    assert 0 == upstream.connections


def test_a_missing_key_sends_nothing():
    """An empty variable is said without naming its value, and nothing is sent."""
    error, upstream = failure(response(), api_key_env="MISSING_KEY")
    assert "tier big has no key: its variable is empty" == error.message
    assert isinstance(error, TierUnavailable)  # so no step says that the call was sent
    assert [] == upstream.received


def test_a_key_that_would_split_the_header_is_refused(monkeypatch):
    """A key with a line break cannot smuggle headers."""
    monkeypatch.setenv("BIG_KEY", "sk-a\r\nX-Evil: 1")
    error, upstream = failure(response(), api_key_env="BIG_KEY")
    assert "sk-a" not in error.message
    assert [] == upstream.received


GARBAGE = {
    "html": response(b"<html>oops</html>", kind="text/html"),
    "half_json": response(b'{"choices": [{"mess'),
    "other_json": response({"hello": 1}),
    "a_list": response([1]),
    "no_choices": response({"choices": []}),
    "content_is_a_number": response(completion(content=5)),
    "error_with_200": response({"error": {"message": "no"}}),
    "no_utf8": response(b'{"choices":[{"message":{"content":"\xff"}}]}'),
    "deep": response(b'{"choices":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    "a_little_deep": response(
        b'{"choices":[{"message":{"content":"a","x":' + b"[" * 300 + b"]" * 300 + b"}}]}"
    ),
    "wide": response(b'{"choices":[{"message":{"content":"a"}}],"x":[' + b"[]," * 60_000 + b"[]]}"),
    "wider": response(b'{"choices":[{"message":{"content":"a"}}],"x":[' + b"[]," * 400_000 + b"[]]}"),
    "half_a_choice": response({"choices": [*completion()["choices"], {}]}),
    "a_choice_of_words": response({"choices": [*completion()["choices"], "x"]}),
    "tools_of_words": response({"choices": [{"message": {"content": None, "tool_calls": ["x"]}}]}),
    "empty": response(b""),
    "gzip_bomb": response(gzip.compress(b"0" * 10_000_000), Content_Encoding="gzip"),
    "short_body": raw(HEAD + b"Content-Length: 500\r\n\r\n{}"),
    "broken_chunks": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "no_http": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "endless_header": raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000),
    "reset": raw(),
}


@pytest.mark.parametrize("script", GARBAGE.values(), ids=GARBAGE)
def test_what_is_no_reply_is_a_failure(script):
    """Nonsense is a failure of the tier, never an answer; its words are not shown."""
    error, _ = failure(script)
    assert not error.is_callers_fault
    assert "oops" not in error.message


def test_an_endless_body_is_cut():
    """A flood ends at the limit, long before memory does."""
    flood = raw(HEAD + b"Connection: close\r\n\r\n", *[b"x" * 65536] * 64)
    error, _ = failure(flood, reply_bytes=100_000)
    assert "tier big sent more than 100,000 bytes" == error.message


def test_a_large_body_that_came_at_once_is_cut_too():
    """The limit holds where the whole body was there with its headers."""
    error, _ = failure(response(b"x" * 2000), reply_bytes=1000)
    assert "tier big sent more than 1,000 bytes" == error.message


def test_redirects_are_not_followed():
    """The key is never carried elsewhere."""
    error, upstream = failure(response(status=307, Location="http://127.0.0.1:1/"), waiting=THRICE)
    assert (307, 1) == (error.status, len(upstream.received))
    assert "redirects are not followed" in error.message


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_tried_again(status):
    """A status that says "later" is tried again after a jittered, growing pause."""
    reply, upstream = ask(
        response(status=status), response(status=status), response(completion()), waiting=THRICE
    )
    assert "billing" == reply.text
    first, second = upstream.pauses
    assert 0.25 <= first <= 0.75
    assert 0.5 <= second <= 1.5


def test_a_reset_before_the_first_byte_is_tried_again():
    """Not one byte of a reply had come."""
    assert "billing" == ask(raw(), response(completion()), waiting=THRICE)[0].text


def test_attempts_end():
    """The last failure is told."""
    error, upstream = failure(response(b"{}", status=500), waiting=THRICE)
    assert (500, "tier big answered status 500", 3) == (error.status, error.message, len(upstream.received))


def test_retry_after_is_honoured():
    """The pause is what the server asks."""
    _, upstream = ask(response(status=429, Retry_After="7"), response(completion()), waiting=THRICE)
    assert [7.0] == upstream.pauses


def test_retry_after_beyond_the_deadline_is_not_waited_for():
    """A pause that the call has no time for ends it at once, so that the next tier has the time."""

    async def run():
        async with playing(response(status=429, Retry_After="7")) as upstream:
            async with asking(upstream, waiting=THRICE, clock=StillClock()) as tier:
                with pytest.raises(TierFailed) as caught:
                    await tier.answer(a_call(deadline_s=6.0))
            return caught.value, upstream

    error, upstream = asyncio.run(run())
    assert (429, [], 1) == (error.status, upstream.pauses, len(upstream.received))


class StillClock:
    """A clock that moves only when told."""

    def __init__(self):
        self.at_s = 0.0

    def elapsed_s(self):
        """Returns the seconds it was moved by."""
        return self.at_s


def test_an_empty_account_is_not_asked_again():
    """A 429 that means "no money" does not pass."""
    error, upstream = failure(response({"error": {"code": "insufficient_quota"}}, status=429), waiting=THRICE)
    assert (429, 1) == (error.status, len(upstream.received))


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_callers_mistake_is_told_in_the_servers_words(status, monkeypatch):
    """It is not tried again; the words are short, printable and without the key."""
    monkeypatch.setenv("BIG_KEY", "sk-secret")
    said = {"error": {"message": "bad\x00 seed\n sk-secret " + "x" * 5000}}
    error, upstream = failure(response(said, status=status), waiting=THRICE, api_key_env="BIG_KEY")
    assert (True, status, 1) == (error.is_callers_fault, error.status, len(upstream.received))
    assert error.message.startswith(f"tier big answered status {status}: bad seed *** xxx")
    assert len(error.message) < 400


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_mistake_of_the_site_is_not_the_callers(status):
    """A wrong key, model or address is not told in the server's words: those may quote the key."""
    error, upstream = failure(
        response({"error": {"message": "Incorrect API key provided: sk-abc"}}, status=status), waiting=THRICE
    )
    assert (False, f"tier big answered status {status}", 1) == (
        error.is_callers_fault,
        error.message,
        len(upstream.received),
    )


def test_silence_before_the_first_byte_ends():
    """A server that takes a call and says nothing fails it, and is not asked again: it may be at work."""
    waiting = Waiting(first_byte_s=0.2, attempts=3)
    error, upstream = failure(raw(5.0), waiting=waiting)
    assert "sent no byte of a reply within" in error.message
    assert 1 == len(upstream.received)


def test_a_stall_within_a_reply_ends():
    """A reply that pauses too long fails."""
    waiting = Waiting(first_byte_s=5.0, idle_s=0.05, attempts=3)
    error, _ = failure(raw(HEAD + b"Content-Length: 50\r\n\r\n{", 5.0), waiting=waiting)
    assert "did not finish its reply within" in error.message


def test_a_trickle_ends_with_the_total():
    """One byte at a time never stalls, and still ends."""
    waiting = Waiting(idle_s=5.0, total_s=0.3, attempts=1)
    error, _ = failure(raw(HEAD + b"Content-Length: 500\r\n\r\n", *[b" ", 0.01] * 200), waiting=waiting)
    assert "did not finish its reply within" in error.message


def test_nothing_listens():
    """A refused connection is tried again, then told without the address."""

    async def run():
        async with playing(response()) as upstream:
            pass
        async with asking(upstream, waiting=THRICE) as tier:
            with pytest.raises(TierFailed) as caught:
                await tier.answer(a_call())
        return caught.value, upstream

    error, upstream = asyncio.run(run())
    assert ("tier big takes no connection", 2) == (error.message, len(upstream.pauses))


def test_cancelling_closes_the_connection():
    """The server sees that nobody waits any more."""

    async def run():
        async with playing(raw(5.0)) as upstream, asking(upstream) as tier:
            task = asyncio.create_task(tier.answer(a_call()))
            await asyncio.wait_for(upstream.asked.wait(), 2)
            task.cancel()
            await asyncio.wait_for(upstream.lost.wait(), 2)
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (0, 0) == tier.load

    asyncio.run(run())


def test_connections_are_used_again():
    """One after the other, calls share a connection."""

    async def run():
        async with playing(response(completion())) as upstream, asking(upstream) as tier:
            for _ in range(3):
                await tier.answer(a_call())
            return upstream

    assert 1 == asyncio.run(run()).connections


def test_no_more_calls_at_once_than_places():
    """The others wait their turn; who finds the queue full is told when to come again."""

    async def run():
        async with playing(slow) as upstream:
            async with asking(upstream, concurrency=2, queue=3, queue_s=4.0) as tier:
                results = await asyncio.gather(
                    *(tier.answer(a_call()) for _ in range(6)), return_exceptions=True
                )
                assert (0, 0) == tier.load
            return results, upstream

    async def slow(received, writer):
        await asyncio.sleep(0.02)
        await response(completion())(received, writer)

    results, upstream = asyncio.run(run())
    refused = [result for result in results if isinstance(result, Exception)]
    assert 2 == upstream.most_at_once
    assert [LimitReached] == [type(error) for error in refused]
    assert "tier big is busy: 2 calls at work, 3 waiting" == refused[0].message
    assert 4.0 == refused[0].retry_after_s


def test_waiting_for_a_place_ends():
    """A call that gets no place in its time goes elsewhere."""

    async def run():
        async with playing(raw(5.0)) as upstream, asking(upstream, concurrency=1, queue_s=0.02) as tier:
            first = asyncio.create_task(tier.answer(a_call()))
            await asyncio.sleep(0.005)
            with pytest.raises(LimitReached, match="no place came free"):
                await tier.answer(a_call())
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)

    asyncio.run(run())


def test_a_failing_server_is_left_alone():
    """After failures in a row nothing is sent until its time is over; then one call tries."""
    clock = StillClock()

    async def run():
        breaker = BreakerSettings(in_a_row=2, open_s=10.0)
        failing = response(status=500)
        async with playing(failing) as upstream, asking(upstream, breaker=breaker, clock=clock) as tier:
            for _ in range(2):
                with pytest.raises(TierFailed):
                    await tier.answer(a_call())
            assert BreakerState.OPEN is tier.breaker_state
            with pytest.raises(TierUnavailable) as caught:
                await tier.answer(a_call())
            assert (10.0, 2) == (caught.value.retry_after_s, len(upstream.received))
            clock.at_s = 10.0
            upstream.scripts = [response(completion())]
            assert "billing" == (await tier.answer(a_call())).text
            assert BreakerState.CLOSED is tier.breaker_state

    asyncio.run(run())


def test_callers_mistakes_do_not_open_the_breaker():
    """One client's bad calls take the server from no other."""

    async def run():
        breaker = BreakerSettings(in_a_row=2)
        async with playing(response(status=400)) as upstream, asking(upstream, breaker=breaker) as tier:
            for _ in range(5):
                with pytest.raises(TierFailed):
                    await tier.answer(a_call())
            assert BreakerState.CLOSED is tier.breaker_state

    asyncio.run(run())


def test_a_call_with_hardly_any_time_does_not_blame_the_server():
    """A fallback that got the last milliseconds of a call says nothing about the server."""

    async def run():
        breaker = BreakerSettings(in_a_row=1, fair_s=1.0)
        clock = StillClock()
        async with playing(raw(5.0)) as upstream, asking(upstream, breaker=breaker, clock=clock) as tier:
            with pytest.raises(TierFailed, match="sent no byte"):
                await tier.answer(a_call(deadline_s=0.02))
            assert BreakerState.CLOSED is tier.breaker_state

    asyncio.run(run())


@pytest.mark.parametrize(("tokens", "is_said"), [(100, True), (2500, False), (None, False)])
def test_a_silently_cut_context_is_said(tokens, is_said):
    """Far fewer tokens than a text must have raise a remark (field notes, pain 4)."""
    usage = {} if tokens is None else {"prompt_tokens": tokens, "completion_tokens": 1}
    reply, _ = ask(response(completion(usage=usage)), call=a_call(text="word " * 2000))
    assert is_said == ("may have cut the text" in reply.why)
    assert not reply.escalate


def test_tool_calls_are_an_answer_without_words():
    """A reply whose content is null is an answer where it calls tools."""
    payload = completion()
    payload["choices"][0]["message"] = {"content": None, "tool_calls": [{"id": "t"}]}
    reply, _ = ask(response(payload))
    assert ("", payload) == (reply.text, reply.payload)


@pytest.mark.parametrize("tokens", [2**62, 2**63, 2**64 - 1])
def test_more_tokens_than_there_are_is_unknown(tokens):
    """The store keeps no such number: the call would be missing there."""
    reply, _ = ask(response(completion(usage={"prompt_tokens": tokens, "completion_tokens": 1})))
    assert (None, 1) == (reply.usage.input_tokens, reply.usage.output_tokens)


def test_a_long_name_of_a_model_is_cut():
    """It is kept with every call, and is a label of metrics."""
    reply, _ = ask(response(completion(model="x" * 100_000)))
    assert 200 == len(reply.model)


def test_a_server_that_is_too_slow_may_be_paid_all_the_same():
    """Who asks for more than can be written in time does not get it, and not for nothing."""
    call = a_call(text="x" * 400)
    failure(raw(0.4), call=call, waiting=Waiting(first_byte_s=0.2, attempts=1), price=PRICE)
    assert call.unread.tokens >= 100 + 10
    assert call.unread.usd > 0


def test_a_server_that_fails_is_not_paid():
    """It says so itself, or breaks off."""
    for script in (response({"error": {"message": "no"}}, status=500), raw(HEAD)):
        call = a_call()
        failure(script, call=call, waiting=Waiting(attempts=1))
        assert 0 == call.unread.tokens
