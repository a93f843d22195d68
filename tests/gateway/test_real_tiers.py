"""Client, gateway, walk and a server as a tier, all real, over loopback: what broken servers come to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from suffice.clock import SystemClock
from suffice.models.http.endpoint import Waiting
from suffice.serve.app import Surroundings, app_of
from suffice.serve.decide.walk import Walk
from suffice.serve.gateway import Gateway, Rooms
from suffice.serve.reply import Verdict
from suffice.serve.route import Route
from suffice.serve.server import Server, ServerSettings, bound, url_of
from tests.gateway.composed import KEY, FakeDoor, FakeJournal
from tests.unit.serve.tiers.loopback_upstream import (
    DONE,
    END,
    EVENTS,
    USAGE,
    Script,
    Upstream,
    asking,
    chunk,
    completion,
    event,
    playing,
    raw,
    response,
)

MESSAGES: Any = [{"role": "user", "content": "charged twice"}]
_QUICK = Waiting(connect_s=5.0, first_byte_s=5.0, idle_s=0.2, total_s=10.0, attempts=1)


@dataclass
class Standing:
    """A gateway with one server behind it, and a client before it."""

    client: AsyncOpenAI
    upstream: Upstream
    journal: FakeJournal

    async def stream(self) -> Any:
        """Returns a stream that has begun."""
        return await self.client.chat.completions.create(model="chat", messages=MESSAGES, stream=True)


@asynccontextmanager
async def standing(*scripts: Script) -> AsyncIterator[Standing]:
    """Runs the whole way in one loop."""
    clock, journal = SystemClock(), FakeJournal()
    async with playing(*scripts) as upstream, asking(upstream, waiting=_QUICK) as tier:
        walk = Walk({"big": tier}, clock=clock)
        rooms = Rooms(door=FakeDoor(), journal=journal, clock=clock)
        app = app_of(Gateway([Route(name="chat", tiers=("big",))], walk, rooms), Surroundings(clock=clock))
        settings = ServerSettings(port=0)
        listening = bound(settings)
        server = Server(app, listening, settings)
        serving = asyncio.create_task(server.run())
        try:
            async with AsyncOpenAI(base_url=f"{url_of(listening)}/v1", api_key=KEY, max_retries=0) as client:
                yield Standing(client=client, upstream=upstream, journal=journal)
        finally:
            server.stop()
            await serving


async def _text(stream: Any) -> str:
    return "".join([one.choices[0].delta.content or "" async for one in stream if one.choices])


def test_words_come_through() -> None:
    """A whole reply and a stream, under the name the server gives its model; usage is charged, not shown."""

    async def run() -> None:
        words = raw(EVENTS, event(chunk("bill")), event(chunk("ing")), END, USAGE, DONE)
        async with standing(response(completion()), words) as here:
            whole = await here.client.chat.completions.create(model="chat", messages=MESSAGES)
            assert ("billing", "really-this") == (whole.choices[0].message.content, whole.model)
            chunks = [one async for one in await here.stream()]
            assert "billing" == "".join(one.choices[0].delta.content or "" for one in chunks)
            assert {("really-this", None)} == {(one.model, one.usage) for one in chunks}
        first, second = here.journal.events
        assert (50, 3) == (first.usage.input_tokens, second.usage.output_tokens)
        assert (True, "") == (second.streamed, second.error)
        assert second.first_token_ms is not None

    asyncio.run(run())


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ((), "big"),
        ((b'data: {"choices": [{"del',), "big"),
        ((20.0,), "big"),
        ((event({"error": {"message": "rate limit", "code": 429}}), 20.0), "big"),
        ((event(b"{not json}"), 20.0), "big"),
    ],
    ids=["closed", "litellm_40404_half_an_event", "gateway_1656_stalled", "litellm_26015_429", "garbage"],
)
def test_a_stream_that_breaks_raises_in_the_client(rest: tuple[bytes | float, ...], words: str) -> None:
    """The words before it came through; then the client raises, soon, and the server is asked once."""

    async def run() -> None:
        async with standing(raw(EVENTS, event(chunk("bill")), *rest)) as here:
            stream = await here.stream()
            assert "bill" == (await anext(stream)).choices[0].delta.content
            async with asyncio.timeout(10):
                with pytest.raises(openai.APIError, match=words) as raised:
                    await anext(stream)
            assert "stream_broke" == raised.value.code
            assert 1 == len(here.upstream.received)
        (ended,) = here.journal.events
        assert (200, "stream_broke", True) == (ended.status, ended.error, ended.left_machine)

    asyncio.run(run())


def test_a_client_that_leaves_closes_the_connection_to_the_server() -> None:
    """The server notices, and the event says who left."""

    async def run() -> None:
        async with standing(raw(EVENTS, *[event(chunk("word ")), 0.02] * 400)) as here:
            stream = await here.stream()
            await anext(stream)
            await stream.close()
            async with asyncio.timeout(5):
                await here.upstream.lost.wait()
        (ended,) = here.journal.events
        assert (200, "client_left", True) == (ended.status, ended.error, ended.streamed)

    asyncio.run(run())


def test_a_client_that_leaves_before_the_answer_is_not_asked_for_any_more() -> None:
    """The call to the server is given up as soon as nobody waits for it."""

    async def run() -> None:
        async with standing(raw(30.0)) as here:
            asking_it = asyncio.create_task(
                here.client.chat.completions.create(model="chat", messages=MESSAGES)
            )
            await here.upstream.asked.wait()
            asking_it.cancel()
            async with asyncio.timeout(10):
                await here.upstream.lost.wait()
        (ended,) = here.journal.events
        assert (499, "client_left", True) == (ended.status, ended.error, ended.left_machine)

    asyncio.run(run())


def test_what_a_server_says_of_a_call_is_the_clients_error() -> None:
    """A 400 of the only server is a 400 here; a 500 is a 502 with the way, and neither shows a traceback."""

    async def run() -> None:
        refused = response({"error": {"message": "temperature is too hot"}}, status=400)
        async with standing(refused, response(b"oops", status=500)) as here:
            with pytest.raises(openai.BadRequestError):
                await here.client.chat.completions.create(model="chat", messages=MESSAGES)
            with pytest.raises(openai.InternalServerError) as raised:
                await here.client.chat.completions.create(model="chat", messages=MESSAGES)
            assert (502, "no_answer") == (raised.value.status_code, raised.value.code)
        assert [Verdict.FAILED] * 2 == [one.steps[0].verdict for one in here.journal.events]

    asyncio.run(run())
