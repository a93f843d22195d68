"""Tiers that say what a test tells them to."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from suffice.ports import Answer, Request
from suffice.serve.call import Call, Caller, Operation
from suffice.serve.errors import TierFailed
from suffice.serve.reply import Place, Reply, Streaming
from suffice.serve.route import Route


class StillClock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def elapsed_s(self) -> float:
        """Returns the seconds it was moved by."""
        return self.at_s


def a_call(**changes: Any) -> Call:
    """Returns a call with one short message."""
    call = Call(
        id="req-1",
        operation=Operation.CHAT,
        model="r",
        route="r",
        caller=Caller(key_id="k1"),
        body={"model": "r", "messages": []},
        request=Request(text="hello"),
    )
    return replace(call, **changes)


def a_route(*tiers: str, **changes: Any) -> Route:
    """Returns a route over these tiers."""
    return Route(name="r", tiers=tiers, **changes)


@dataclass
class Chunks:
    """A stream that notes whether it was left."""

    left: bool = False

    def __aiter__(self) -> "Chunks":
        return self

    async def __anext__(self) -> dict[str, Any]:
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Notes it."""
        self.left = True


@dataclass
class FakeTier:
    """Answers `text`, streams where it may, or raises `error`, after `after_s` seconds."""

    name: str
    place: Place = Place.LOCAL
    text: str | None = "answer"
    escalate: bool = False
    why: str = ""
    payload: Any = None
    answer_: Answer | None = None
    error: Exception | None = None
    after_s: float = 0.0
    streams: bool = False
    calls: list[Call] = field(default_factory=list)
    cancelled: int = 0
    chunks: Chunks = field(default_factory=Chunks)

    async def answer(self, call: Call) -> Reply:
        """Returns the reply, or raises the error."""
        await self._wait(call)
        return Reply(
            tier=self.name,
            place=self.place,
            model=self.name,
            text=self.text,
            escalate=self.escalate,
            why=self.why,
            payload=self.payload,
            answer=self.answer_,
        )

    async def stream(self, call: Call) -> Streaming | Reply:
        """Returns the stream, where it has one."""
        if not self.streams:
            return await self.answer(call)
        await self._wait(call)
        return Streaming(tier=self.name, place=self.place, model=self.name, chunks=self.chunks)

    async def close(self) -> None:
        """Holds nothing."""

    async def _wait(self, call: Call) -> None:
        self.calls.append(call)
        try:
            await asyncio.sleep(self.after_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error


def local(name: str = "small", **changes: Any) -> FakeTier:
    """Returns a local tier that states a confidence of 0.8."""
    answer = Answer(
        text="answer", confidence=changes.pop("confidence", 0.8), novelty=changes.pop("novelty", 0.1)
    )
    return FakeTier(name, answer_=replace(answer, trust=changes.pop("trust", None)), **changes)


def remote(name: str = "big", **changes: Any) -> FakeTier:
    """Returns a remote tier."""
    return FakeTier(name, place=Place.REMOTE, **changes)


def broken(name: str = "big", message: str = "status 500", **changes: Any) -> FakeTier:
    """Returns a remote tier that fails."""
    return remote(name, error=TierFailed(message), **changes)
