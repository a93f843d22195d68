"""One call from its arrival to its event: who asks, which route, what is in it, who answers. No HTTP here."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from suffice import fingerprint
from suffice.clock import Clock
from suffice.serve.call import Call, Caller, Operation, Wishes
from suffice.serve.case import Case, Ending, event_of
from suffice.serve.errors import CallError, LimitReached, NobodyAnswered, NotFound
from suffice.serve.event import Event
from suffice.serve.ports import Door, Inspector, Journal
from suffice.serve.reply import Outcome, Place
from suffice.serve.route import Route
from suffice.serve.wire.asked import Asked

# What the route's reference would have cost for this call, in US dollars; None where its price is not known.
ReferenceCost = Callable[[Route, Case], float | None]
# As in the site file, and short: it is in every record of the call.
_A_NAME = re.compile(r"[A-Za-z0-9._:/-]{1,200}")
_NO_NAME = "(not a name)"
_INSPECTED_BESIDE = 2  # large calls at once; more threads would only take turns


class Walk(Protocol):
    """Decides which tier of a route answers."""

    async def __call__(self, route: Route, call: Call) -> Outcome:
        """Returns how the call ended; cancelling gives it up, down to the tiers' connections.

        Raises:
            CallError: with `steps` as far as it came.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Rooms:
    """What a gateway asks and tells, beside the tiers.

    `begin_trace` takes a call's id and the client's `traceparent`, and returns the one that servers
    are sent. `keeps_contents`: events hold what was asked and answered.
    Calls of more than `beside_bytes` are inspected in a thread, that others need not wait so long; where
    the inspector is for one thread alone, it is infinite.
    """

    door: Door
    journal: Journal
    clock: Clock
    inspector: Inspector | None = None
    begin_trace: Callable[[str, str | None], str] | None = None
    reference_cost: ReferenceCost | None = None
    keeps_contents: bool = False
    beside_bytes: float = 64 << 10


class Gateway:
    """Takes calls, and tells the journal and the door of each that ended."""

    def __init__(self, routes: Sequence[Route], walk: Walk, rooms: Rooms) -> None:
        self._rooms = rooms
        self._clock = rooms.clock
        self._turns = asyncio.Semaphore(_INSPECTED_BESIDE)
        self.serve(routes, walk)

    def serve(self, routes: Sequence[Route], walk: Walk) -> None:
        """Answers from now on by these routes; calls that are under way end as they began."""
        self._routes = {route.name: route for route in routes}
        self._by_prompt = {prompt: route for route in routes for prompt in route.system_prompts}
        self._walk = walk

    @property
    def routes(self) -> Mapping[str, Route]:
        """Returns what is served, by name."""
        return self._routes

    @property
    def keeps_contents(self) -> bool:
        """Says whether events hold what was asked and answered."""
        return self._rooms.keeps_contents

    async def authenticate(self, authorization: str | None) -> Caller:
        """Returns who asks.

        Raises:
            NotAuthenticated: no key, or none of this gateway's.
        """
        return await self._rooms.door.authenticate(authorization)

    def open(
        self, call_id: str, operation: Operation, caller: Caller, *, traceparent: str | None = None
    ) -> Case:
        """Returns the record of a call that has just arrived."""
        begin_trace = self._rooms.begin_trace
        return Case(
            id=call_id,
            operation=operation,
            caller=caller,
            at=self._clock.now(),
            started_s=self._clock.elapsed_s(),
            traceparent="" if begin_trace is None else begin_trace(call_id, traceparent),
        )

    async def answer(self, case: Case, asked: Asked, *, route: str | None = None, wishes: Wishes) -> Outcome:
        """Returns how the call ended: a reply, a stream that has begun, or a ticket.

        `route` is what the client names by header.

        Raises:
            CallError: nobody may or could answer.
        """
        case.requested_model = _recorded(asked.model)
        self._rooms.journal.check()
        case.route = chosen = self._chosen(asked, route)
        self._rooms.door.admit(case.caller, chosen.name)
        call = self._call(case, asked, chosen, wishes)
        if len(case.request_bytes) <= self._rooms.beside_bytes:
            call = self._inspected(call)
        else:
            async with self._turns:
                call = await asyncio.to_thread(self._inspected, call)
        case.call = call
        case.steps = None
        try:
            outcome = await self._walk(chosen, call)
        except CallError as error:
            case.steps = error.steps
            raise
        case.steps = outcome.steps
        case.outcome = outcome = _restored(call, outcome)
        if outcome.reply is None and outcome.streaming is None and outcome.ticket is None:
            raise NobodyAnswered("no tier's answer can be trusted", code="abstained")
        return outcome

    def refusal(self, case: Case, error: CallError) -> CallError:
        """Returns what is said to a call that no budget has counted: its error, or that there were too many.

        In the latter case the call leaves no record.
        """
        if case.call is not None or error.status >= 500:
            return error
        try:
            self._rooms.door.admit_unpaid(case.caller, "refused calls")
        except LimitReached as limit:
            case.is_kept = False
            return limit
        return error

    def admit_feedback(self, caller: Caller) -> None:
        """Counts one piece of feedback.

        Raises:
            LimitReached: there were too many of this key within a minute.
        """
        self._rooms.door.admit_unpaid(caller, "pieces of feedback")

    def first_token(self, case: Case) -> None:
        """Notes that the answer's first part is ready."""
        case.first_token_ms = self._since_ms(case)

    def end(self, case: Case, ending: Ending) -> Event | None:
        """Tells journal and door, once, that a call has ended, and returns its event; None the second time.

        Its last byte is sent after this.
        """
        if case.has_ended:
            return None
        case.has_ended = True
        rooms = self._rooms
        price = rooms.reference_cost
        event = event_of(
            case,
            ending,
            latency_ms=self._since_ms(case),
            reference_usd=None if price is None or case.route is None else price(case.route, case),
            keeps_contents=rooms.keeps_contents,
        )
        rooms.journal.record(event, keep=case.is_kept)
        rooms.door.charge(case.caller, event)
        return event

    def _since_ms(self, case: Case) -> float:
        return (self._clock.elapsed_s() - case.started_s) * 1000.0

    def route_of(self, name: str, *, param: str = "model") -> Route:
        """Returns the route of a name.

        Raises:
            NotFound: nothing is served under it; names what is.
        """
        route = self._routes.get(name)
        if route is None:
            known = ", ".join(sorted(self._routes)) or "none"
            raise NotFound(
                f"there is no model {name[:200]!r} here; known models: {known}",
                code="model_not_found",
                param=param,
            )
        return route

    def _chosen(self, asked: Asked, named: str | None) -> Route:
        """Returns the route: by header, else by the system prompt's hash, else by the model's name."""
        if named is not None:
            return self.route_of(named, param="x-suffice-route")
        if self._by_prompt and asked.system_prompt is not None:
            meant = self._by_prompt.get(fingerprint.of_text(asked.system_prompt))
            if meant is not None:
                return meant
        return self.route_of(asked.model)

    @staticmethod
    def _call(case: Case, asked: Asked, route: Route, wishes: Wishes) -> Call:
        return Call(
            id=case.id,
            operation=case.operation,
            model=asked.model,
            route=route.name,
            caller=case.caller,
            body=asked.body,
            request=asked.request,
            stream=asked.stream,
            answer_schema=asked.answer_schema,
            wishes=wishes,
            deadline_s=case.started_s + route.timeout_s,
            local_only=wishes.local_only,
            needs=asked.needs,
            questions=asked.questions,
            traceparent=case.traceparent,
        )

    def _inspected(self, call: Call) -> Call:
        inspector = self._rooms.inspector
        if inspector is None:
            return call
        seen = inspector.inspect(call)
        if not seen.found and not seen.local_only and seen.masked_body is None:
            return call
        return replace(
            call,
            data_classes=frozenset(seen.found),
            local_only=call.local_only or seen.local_only,
            masked_body=seen.masked_body,
            restorer=seen.restorer,
        )


def _recorded(model: str) -> str:
    """Returns a model's name for the records; what is none may be a text, and those are kept by wish."""
    return model if _A_NAME.fullmatch(model) else _NO_NAME


def _restored(call: Call, outcome: Outcome) -> Outcome:
    """Returns the outcome with the client's own values in the place of what was masked for a remote tier."""
    restorer = call.restorer
    reply, streaming = outcome.reply, outcome.streaming
    if restorer is None:
        return outcome
    if streaming is not None and streaming.place is Place.REMOTE:
        streaming.pass_through(restorer.chunks(streaming.chunks))
    if reply is None or reply.place is not Place.REMOTE:
        return outcome
    text = None if reply.text is None else restorer.text(reply.text)
    payload = None if reply.payload is None else restorer.payload(reply.payload)
    return replace(outcome, reply=replace(reply, text=text, payload=payload))
