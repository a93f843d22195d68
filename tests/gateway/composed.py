"""A gateway whose rooms are fakes, served on loopback: what the tests of the wire ask."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import uvloop

from suffice.clock import SystemClock
from suffice.ports import Answer, Usage
from suffice.serve.app import App, Surroundings, app_of
from suffice.serve.call import Call, Caller
from suffice.serve.errors import LimitReached, NotAuthenticated, NotFound
from suffice.serve.event import Event
from suffice.serve.gateway import Gateway, Rooms
from suffice.serve.judgement import Judgement
from suffice.serve.reply import Outcome, Place, Reply, Step, Streaming, Verdict
from suffice.serve.route import Route
from suffice.serve.server import Server, ServerSettings, bound, url_of

KEY = "sk-sf-test-key"
START = datetime(2026, 11, 22, tzinfo=UTC)
CERTIFICATE = "ab" * 32

_USAGE = Usage(input_tokens=7, output_tokens=2)
Script = Callable[[Call], Awaitable[Outcome]]


class FakeDoor:
    """Knows one key, counts what it is told, and refuses the route `limited`."""

    def __init__(self, scopes: frozenset[str] = frozenset({"call", "feedback", "view"})) -> None:
        self.caller = Caller(key_id="k1", name="tests", scopes=scopes)
        self.charged: list[Event] = []

    async def authenticate(self, authorization: str | None) -> Caller:
        """Returns the caller of the one key."""
        if authorization != f"Bearer {KEY}":
            raise NotAuthenticated("this key is not known here")
        return self.caller

    def admit(self, _caller: Caller, route: str) -> None:
        """Refuses the route `limited`."""
        if route == "limited":
            raise LimitReached("60 requests a minute are used up", retry_after_s=12.2)

    def admit_unpaid(self, _caller: Caller, kind: str) -> None:
        """Lets everything be left behind."""

    def charge(self, _caller: Caller, event: Event) -> None:
        """Remembers the event."""
        self.charged.append(event)


class FakeJournal:
    """Remembers events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event, *, keep: bool = True) -> None:
        """Remembers an event that is to be kept."""
        if not keep:
            return
        self.events.append(event)

    def check(self) -> None:
        """Lets every call through."""


class FakeFeedback:
    """Remembers judgements of calls it knows: all but `req_unknown`."""

    def __init__(self) -> None:
        self.kept: list[Judgement] = []

    async def keep(self, judgement: Judgement, _caller: Caller) -> None:
        """Remembers the judgement."""
        if judgement.request_id == "req_unknown":
            raise NotFound("no such call", param="request_id")
        self.kept.append(judgement)


class Scripted:
    """A walk that does what the script of the call's route says."""

    def __init__(self, scripts: Mapping[str, Script]) -> None:
        self._scripts = scripts
        self.calls: list[Call] = []

    async def __call__(self, route: Route, call: Call) -> Outcome:
        """Returns what the script says."""
        self.calls.append(call)
        return await self._scripts[route.name](call)


def step(tier: str, place: Place = Place.LOCAL, verdict: Verdict = Verdict.ANSWERED, **more: Any) -> Step:
    """Returns one step of a call's way."""
    return Step(tier=tier, place=place, verdict=verdict, **more)


def local(text: str, *, usage: Usage = _USAGE) -> Script:
    """Returns a script: a certified local model answers with the text."""

    async def script(_call: Call) -> Outcome:
        reply = Reply(
            tier="small",
            place=Place.LOCAL,
            model="linear",
            text=text,
            answer=Answer(text=text, confidence=0.93),
            usage=usage,
            certificate=CERTIFICATE,
        )
        return Outcome(steps=(step("small"),), reply=reply)

    return script


def remote(payload: Mapping[str, Any]) -> Script:
    """Returns a script: the small tier is not trusted, a server's reply is passed on."""

    async def script(_call: Call) -> Outcome:
        reply = Reply(tier="large", place=Place.REMOTE, model="large-v2", text="", payload=payload)
        unsure = step("small", verdict=Verdict.ESCALATED, why="trust 0.31 is below 0.6")
        return Outcome(steps=(unsure, step("large", Place.REMOTE)), reply=reply)

    return script


def chunk(content: str | None = None, *, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """Returns one chunk as a server sends it; it calls its model by another name than the tier does."""
    delta = {} if content is None else {"role": "assistant", "content": content}
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    frame = {"id": "up-1", "object": "chat.completion.chunk", "created": 1, "model": "alias"}
    return {**frame, "choices": choices, **more}


def streaming(chunks: Callable[[], AsyncIterator[Mapping[str, Any]]]) -> Script:
    """Returns a script: a server streams these chunks."""

    async def script(_call: Call) -> Outcome:
        stream = Streaming(tier="large", place=Place.REMOTE, model="large-v2", chunks=chunks())
        return Outcome(steps=(step("large", Place.REMOTE),), streaming=stream)

    return script


class Composed:
    """A gateway with fakes around it."""

    def __init__(self, scripts: Mapping[str, Script], **more: Any) -> None:
        self.door, self.journal, self.feedback = FakeDoor(), FakeJournal(), FakeFeedback()
        self.walk = Scripted(scripts)
        routes = [Route(name=name, tiers=("small", "large")) for name in scripts]
        clock = SystemClock()
        rooms = Rooms(door=self.door, journal=self.journal, clock=clock)
        self.gateway = Gateway(routes, self.walk, rooms)
        around = Surroundings(clock=clock, feedback=self.feedback, **more)
        self.app = app_of(self.gateway, around)


@contextmanager
def served(app: App, **settings: Any) -> Iterator[str]:
    """Yields the address at which an application is served on loopback, from a thread of its own."""
    limits = ServerSettings(port=0, **settings)
    listening = bound(limits)
    server = Server(app, listening, limits)
    started = threading.Event()

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(server.run(started=started.set))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert started.wait(10)
        yield url_of(listening)
    finally:
        server.stop()
        thread.join(20)
        assert not thread.is_alive()
