"""The walk over real servers on loopback: what one does wrong before its first word, the next makes good."""

import asyncio
import contextlib

import pytest

from suffice.clock import SystemClock
from suffice.models.http.endpoint import Waiting
from suffice.serve.call import Wishes
from suffice.serve.decide.walk import Walk
from suffice.serve.errors import NobodyAnswered, NotAllowed
from suffice.serve.route import Route
from suffice.serve.tiers.upstreams.breaker import BreakerSettings
from suffice.serve.tiers.upstreams.upstream import UpstreamTier
from tests.unit.serve.tiers.loopback_upstream import (
    DONE,
    END,
    EVENTS,
    a_call,
    chunk,
    completion,
    event,
    playing,
    raw,
    response,
)

WHOLE = raw(EVENTS + event(chunk("Hello")) + END + DONE)
# The first server is not waited for long, so that silence is quick to test; the second is.
IMPATIENT = Waiting(first_byte_s=0.2, idle_s=0.2, attempts=1)
PATIENT = Waiting(first_byte_s=20.0, idle_s=20.0, attempts=1)


@contextlib.asynccontextmanager
async def serving(first, second, **settings):
    """Runs two servers, and gives a function that asks a walk over both, and the first server."""
    async with playing(first) as one, playing(second) as two, contextlib.AsyncExitStack() as stack:
        tiers = {}
        for name, server, waiting in (("one", one, IMPATIENT), ("two", two, PATIENT)):
            tiers[name] = UpstreamTier(server.settings(name=name, waiting=waiting, **settings))
            stack.push_async_callback(tiers[name].close)
        walk = Walk(tiers, clock=SystemClock())
        route = Route(name="r", tiers=tuple(tiers), timeout_s=60.0)

        async def ask(**changes):
            return await walk(route, a_call(**changes))

        yield ask, one


def told(steps):
    """Returns tiers and verdicts."""
    return ", ".join(f"{step.tier} {step.verdict.value}" for step in steps)


@pytest.mark.parametrize(
    "first",
    [
        response(status=500),
        response(status=429, Retry_After="99"),
        response(b"<html>", kind="text/html"),
        raw(5.0),
        raw(EVENTS, 5.0),
        raw(EVENTS + event({"error": {"message": "overloaded"}})),
        raw(EVENTS),
        raw(),
    ],
    ids=["500", "429", "html", "silence", "stalled_stream", "error_event", "empty_stream", "reset"],
)
def test_a_stream_that_never_begins_falls_back(first):
    """Gateways have hung, or handed on the error, where a stream failed before its first word."""

    async def run():
        async with serving(first, WHOLE) as (ask, _):
            outcome = await ask(stream=True)
            assert outcome.streaming is not None
            parts = [
                part["choices"][0]["delta"].get("content", "") async for part in outcome.streaming.chunks
            ]
            return outcome, "".join(parts)

    outcome, words = asyncio.run(run())
    assert ("one failed, two answered", "Hello") == (told(outcome.steps), words)


def test_an_open_breaker_is_passed_by_at_once():
    """A server that fails is not waited for again."""

    async def run():
        breaker = BreakerSettings(in_a_row=2)
        async with serving(response(status=500), response(completion()), breaker=breaker) as (ask, one):
            ways = [told((await ask()).steps) for _ in range(4)]
            return ways, len(one.received)

    ways, asked = asyncio.run(run())
    assert (["one failed, two answered"] * 2 + ["one skipped, two answered"] * 2, 2) == (ways, asked)


def test_no_server_is_told_of_a_call_that_must_stay():
    """Nothing is sent, and the error says why nobody answered."""

    async def run():
        async with serving(response(completion()), response(completion())) as (ask, one):
            with pytest.raises(Exception, match="must stay on this machine"):
                await ask(local_only=True)
            return one.connections

    assert 0 == asyncio.run(run())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"data_classes": frozenset({"phone", "card"})},
            "privacy policy (found in it: card, phone); no tier",
        ),
        ({"wishes": Wishes(local_only=True)}, "as its x-suffice-local-only says; no tier"),
    ],
)
def test_who_may_not_send_a_call_away_is_told_why(changes, reason):
    """The kinds of private data, or the client's own wish."""

    async def run():
        async with serving(response(completion()), response(completion())) as (ask, _):
            with pytest.raises(NotAllowed) as refused:
                await ask(local_only=True, **changes)
            return refused.value.message

    assert reason in asyncio.run(run())


def test_two_failures_are_one_clean_error():
    """Both are named; neither's address is."""

    async def run():
        async with serving(response(status=500), raw()) as (ask, one):
            with pytest.raises(NobodyAnswered) as caught:
                await ask()
            return caught.value, one.base_url

    error, base_url = asyncio.run(run())
    assert "one failed: tier one answered status 500; two failed: tier two broke off" in error.message
    assert base_url.removeprefix("http://").removesuffix("/v1") not in error.message
