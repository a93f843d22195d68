"""The gateway without HTTP: routes, inspection, ends of calls."""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from suffice import fingerprint
from suffice.clock import FakeClock
from suffice.ports import Request, Usage
from suffice.serve.call import Call, Operation, Wishes
from suffice.serve.case import Case, Ending
from suffice.serve.errors import CallError, NobodyAnswered, NotFound
from suffice.serve.event import Event
from suffice.serve.gateway import Gateway, Rooms
from suffice.serve.ports import Inspection
from suffice.serve.reply import Outcome, Place, Reply, Streaming, Verdict
from suffice.serve.route import Route
from suffice.serve.wire.asked import Asked
from tests.gateway.composed import FakeDoor, FakeJournal, Scripted, local, remote, step

PROMPT = "You route tickets."
ROUTES = (
    Route(name="tickets", tiers=("small",), system_prompts=frozenset({fingerprint.of_text(PROMPT)})),
    Route(name="urgency", tiers=("small",), timeout_s=5.0),
)


class FakeInspector:
    """Finds what it is told to find."""

    def __init__(self, inspection: Inspection) -> None:
        self._inspection = inspection
        self.threads: list[int] = []

    def inspect(self, _call: Call) -> Inspection:
        """Returns what it was told; notes in which thread."""
        self.threads.append(threading.get_ident())
        return self._inspection


class Upper:
    """A restorer that shows where it was."""

    def text(self, text: str) -> str:
        """Returns the text in capitals."""
        return text.upper()

    def payload(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the payload with a mark."""
        return {**payload, "restored": True}

    async def chunks(self, chunks: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[Mapping[str, Any]]:
        """Yields the chunks with a mark."""
        async for chunk in chunks:
            yield {**chunk, "restored": True}


def asked(model: str = "urgency", **more: Any) -> Asked:
    """Returns one body that was read."""
    return Asked(model=model, body={"model": model}, request=Request(text="charged twice"), **more)


class Fixture:
    """A gateway over fakes, and one case at it."""

    def __init__(self, script: Any = None, *, inspection: Inspection | None = None, **rooms: Any) -> None:
        self.door, self.journal = FakeDoor(), FakeJournal()
        script = script or local("billing")
        self.walk = Scripted(dict.fromkeys(("tickets", "urgency"), script))
        clock = FakeClock(datetime(2026, 11, 22, tzinfo=UTC), step_s=0.5)
        if inspection is not None:
            rooms["inspector"] = FakeInspector(inspection)
        self.gateway = Gateway(
            ROUTES, self.walk, Rooms(door=self.door, journal=self.journal, clock=clock, **rooms)
        )
        self.case = self.gateway.open("req_1", Operation.CHAT, self.door.caller)

    def answer(self, what: Asked, *, route: str | None = None, wishes: Wishes | None = None) -> Outcome:
        """Returns how the call ended."""
        return asyncio.run(self.gateway.answer(self.case, what, route=route, wishes=wishes or Wishes()))

    def event(self, **ending: Any) -> Event:
        """Returns the event of the call, ended with status 200."""
        self.gateway.end(self.case, Ending(**{"status": 200, "sha256": "0" * 64, **ending}))
        return self.journal.events[-1]

    @property
    def call(self) -> Call:
        """Returns the call as the tiers saw it."""
        return self.walk.calls[-1]


@pytest.mark.parametrize(
    ("model", "prompt", "header", "route"),
    [
        ("urgency", None, None, "urgency"),
        ("gpt-4o", PROMPT, None, "tickets"),
        ("urgency", PROMPT, None, "tickets"),
        ("urgency", PROMPT, "urgency", "urgency"),
        ("urgency", "You are kind.", None, "urgency"),
    ],
)
def test_a_route_is_found_by_header_then_prompt_then_model(
    model: str, prompt: str | None, header: str | None, route: str
) -> None:
    """An unchanged client that names a large model is served by its system prompt."""
    fixture = Fixture()
    fixture.answer(asked(model, system_prompt=prompt), route=header)
    assert (route, model) == (fixture.call.route, fixture.call.model)


@pytest.mark.parametrize(("model", "header"), [("gpt-4o", None), ("urgency", "nothing")])
def test_an_unknown_name_is_refused_with_the_known_ones(model: str, header: str | None) -> None:
    """An unknown header is an error too: nobody is served by something else than they named."""
    fixture = Fixture()
    with pytest.raises(NotFound, match="known models: tickets, urgency"):
        fixture.answer(asked(model), route=header)
    event = fixture.event(status=404, error="model_not_found")
    assert ("", model, False) == (event.route, event.requested_model, event.left_machine)


def test_the_deadline_is_the_routes_from_the_calls_arrival() -> None:
    """Time that was spent reading the body counts."""
    fixture = Fixture()
    fixture.answer(asked())
    assert fixture.case.started_s + 5.0 == fixture.call.deadline_s


def test_what_was_found_goes_along_with_the_call() -> None:
    """Classes, the masked body and policy reach the tiers and the event."""
    masked = {"model": "urgency", "masked": True}
    found = Inspection(found={"email": 2}, local_only=False, masked_body=masked)
    fixture = Fixture(remote({"id": "up"}), inspection=found)
    fixture.answer(asked())
    assert (frozenset({"email"}), masked, False) == (
        fixture.call.data_classes,
        fixture.call.masked_body,
        fixture.call.local_only,
    )
    event = fixture.event()
    assert (frozenset({"email"}), True, True) == (event.data_classes, event.left_machine, event.masked)


@pytest.mark.parametrize(("policy", "wish"), [(True, False), (False, True)])
def test_policy_or_a_wish_keeps_a_call_here(*, policy: bool, wish: bool) -> None:
    """Either is enough; a wish cannot undo the policy."""
    fixture = Fixture(inspection=Inspection(found={"iban": 1}, local_only=policy))
    fixture.answer(asked(), wishes=Wishes(local_only=wish))
    assert fixture.call.local_only
    assert fixture.event().local_only


def test_litellm_30728_an_inspector_that_fails_lets_nothing_through() -> None:
    """Where the looking itself fails, no tier is asked."""

    class Broken:
        def inspect(self, call: Call) -> Inspection:
            raise ZeroDivisionError(call.id)

    fixture = Fixture()
    rooms = Rooms(
        door=fixture.door, journal=fixture.journal, clock=FakeClock(datetime.now(UTC)), inspector=Broken()
    )
    gateway = Gateway(ROUTES, fixture.walk, rooms)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(gateway.answer(fixture.case, asked(), wishes=Wishes()))
    assert [] == fixture.walk.calls


def test_masked_values_are_put_back_into_what_a_remote_tier_says() -> None:
    """Whole replies and streams alike; what a local model said was never masked."""
    found = Inspection(found={"email": 1}, masked_body={}, restorer=Upper())

    async def streamed(_call: Call) -> Outcome:
        async def chunks() -> AsyncIterator[Mapping[str, Any]]:
            yield {"n": 1}

        stream = Streaming(tier="large", place=Place.REMOTE, model="m", chunks=chunks())
        return Outcome(steps=(step("large", Place.REMOTE),), streaming=stream)

    async def drained(fixture: Fixture) -> list[Any]:
        outcome = await fixture.gateway.answer(fixture.case, asked(), wishes=Wishes())
        assert outcome.streaming is not None
        return [chunk async for chunk in outcome.streaming.chunks]

    reply = Fixture(remote({"id": "up"}), inspection=found).answer(asked()).reply
    here = Fixture(local("billing"), inspection=found).answer(asked()).reply
    assert reply is not None
    assert here is not None
    assert {"id": "up", "restored": True} == reply.payload
    assert "billing" == here.text
    assert [{"n": 1, "restored": True}] == asyncio.run(drained(Fixture(streamed, inspection=found)))


@pytest.mark.parametrize(("size", "is_beside"), [(100, False), (101, True)])
def test_a_large_call_is_inspected_beside_the_others(*, size: int, is_beside: bool) -> None:
    """Looking through a long text takes a while, in which others are answered; a short one costs no hop."""
    inspector = FakeInspector(Inspection(found={}))
    fixture = Fixture(inspector=inspector, beside_bytes=100)
    fixture.case.request_bytes = b"x" * size
    fixture.answer(asked())
    assert [is_beside] == [thread != threading.get_ident() for thread in inspector.threads]


def test_a_call_ends_once() -> None:
    """However often its end is told, there is one event and one charge."""
    fixture = Fixture()
    fixture.answer(asked())
    fixture.event()
    fixture.event(status=500)
    assert ([200], [200]) == (
        [event.status for event in fixture.journal.events],
        [event.status for event in fixture.door.charged],
    )


def test_the_event_tells_what_answered_and_what_it_took() -> None:
    """Tier, certificate, usage, the reference's price and the time since the call arrived."""
    fixture = Fixture(reference_cost=lambda _route, case: 0.25 if case.usage.input_tokens == 7 else None)
    fixture.answer(asked())
    event = fixture.event()
    assert ("small", Place.LOCAL, "linear") == (event.tier, event.place, event.model)
    assert (Usage(input_tokens=7, output_tokens=2), 0.25, None) == (
        event.usage,
        event.reference_usd,
        event.cost_usd,
    )
    assert 500.0 == event.latency_ms  # one step of the clock
    assert (None, False, 64) == (event.response_text, event.streamed, len(event.request_sha256))


def test_contents_are_kept_only_where_the_site_says_so() -> None:
    """Off by default; on, both bodies are in the event."""
    for keeps, wanted in ((False, (None, None)), (True, ('{"a": 1}', "ok"))):
        fixture = Fixture(keeps_contents=keeps)
        fixture.case.request_bytes = b'{"a": 1}'
        fixture.answer(asked())
        event = fixture.event(body=b"ok")
        assert wanted == (event.request_text, event.response_text)


async def _lost(_call: Call) -> Outcome:
    raise NobodyAnswered("gone")


async def _cancelled(_call: Call) -> Outcome:
    raise asyncio.CancelledError


@pytest.mark.parametrize(("script", "error"), [(_lost, CallError), (_cancelled, asyncio.CancelledError)])
@pytest.mark.parametrize("local_only", [False, True])
def test_a_call_whose_way_is_not_known_may_have_left(script: Any, error: Any, *, local_only: bool) -> None:
    """The audit log never says "stayed here" of a call of which nobody knows, unless policy kept it here."""
    fixture = Fixture(script)
    with pytest.raises(error):
        fixture.answer(asked(), wishes=Wishes(local_only=local_only))
    assert local_only is not fixture.event(status=502).left_machine


@pytest.mark.parametrize(
    ("verdict", "left"),
    [(Verdict.FAILED, True), (Verdict.ESCALATED, True), (Verdict.ANSWERED, True), (Verdict.SKIPPED, False)],
)
def test_what_was_sent_has_left_whatever_came_of_it(verdict: Verdict, *, left: bool) -> None:
    """A remote tier that failed has seen the call; one that was skipped has not."""

    async def script(_call: Call) -> Outcome:
        reply = Reply(tier="small", place=Place.LOCAL, model="m", text="x")
        return Outcome(steps=(step("large", Place.REMOTE, verdict), step("small")), reply=reply)

    fixture = Fixture(script)
    fixture.answer(asked())
    assert left is fixture.event().left_machine


def test_a_change_of_routes_is_for_the_calls_to_come() -> None:
    """A call under way ends by the walk it began with; the next one is served by the new one."""
    began, go_on = asyncio.Event(), asyncio.Event()

    async def waits(call: Call) -> Outcome:
        began.set()
        await go_on.wait()
        return await local("old")(call)

    fixture = Fixture(waits)
    other = replace(ROUTES[1], name="new")

    async def run() -> tuple[str | None, str | None]:
        gateway = fixture.gateway
        under_way = asyncio.create_task(gateway.answer(fixture.case, asked(), wishes=Wishes()))
        await began.wait()
        gateway.serve([other], Scripted({"new": local("new")}))
        case = gateway.open("req_2", Operation.CHAT, fixture.door.caller)
        new = await gateway.answer(case, asked("new"), wishes=Wishes())
        with pytest.raises(NotFound):
            await gateway.answer(
                gateway.open("req_3", Operation.CHAT, fixture.door.caller), asked(), wishes=Wishes()
            )
        go_on.set()
        old = await under_way
        assert old.reply is not None
        assert new.reply is not None
        return old.reply.text, new.reply.text

    assert ("old", "new") == asyncio.run(run())


def test_a_trace_is_begun_with_the_call() -> None:
    """What is sent to servers continues what the client sent."""
    fixture = Fixture(begin_trace=lambda call_id, sent: f"{sent}+{call_id}")
    fixture.case = fixture.gateway.open("req_9", Operation.CHAT, fixture.door.caller, traceparent="00-ab")
    fixture.answer(asked())
    assert "00-ab+req_9" == fixture.call.traceparent


def test_a_case_knows_nothing_before_it_is_answered() -> None:
    """An end that comes early, e.g. of a body that is no JSON, is an event without a route or a tier."""
    fixture = Fixture()
    event = fixture.event(status=400, error="invalid_request")
    assert isinstance(fixture.case, Case)
    assert ("", "", None, False, ()) == (
        event.route,
        event.tier,
        event.place,
        event.left_machine,
        event.steps,
    )
