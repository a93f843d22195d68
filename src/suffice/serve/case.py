"""What is known of one call while it is answered, and the event that is made of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from suffice.ports import UNKNOWN_USAGE, Usage
from suffice.serve.call import Call, Caller, Operation
from suffice.serve.event import Event
from suffice.serve.reply import SENT, Outcome, Place, Reply, Step, Streaming, Verdict
from suffice.serve.route import Route


@dataclass(kw_only=True, slots=True)
class Case:
    """What is known of one call between its arrival and its event; `steps` is None while tiers are asked."""

    id: str
    operation: Operation
    caller: Caller
    at: datetime
    started_s: float
    traceparent: str = ""
    request_bytes: bytes = b""
    requested_model: str = ""
    route: Route | None = None
    call: Call | None = None
    outcome: Outcome | None = None
    steps: tuple[Step, ...] | None = ()
    first_token_ms: float | None = None
    has_ended: bool = False
    is_kept: bool = True  # else its event is counted alone

    @property
    def reply(self) -> Reply | Streaming | None:
        """Returns what answered; None where nothing did."""
        return None if self.outcome is None else self.outcome.reply or self.outcome.streaming

    @property
    def usage(self) -> Usage:
        """Returns the tokens that were read and written, as far as they are known."""
        reply = self.reply
        return UNKNOWN_USAGE if reply is None else reply.usage

    @property
    def left_machine(self) -> bool:
        """Says whether the call was, or for all that is known may have been, sent to a remote tier."""
        if self.call is None:
            return False
        if self.steps is None:
            return not self.call.local_only
        return any(step.place is Place.REMOTE and step.verdict in SENT for step in self.steps)

    @property
    def is_escalated(self) -> bool:
        """Says whether a tier's answer was not trusted on the way, as far as that is known."""
        return any(step.verdict is Verdict.ESCALATED for step in self.steps or ())


@dataclass(kw_only=True, slots=True)
class Ending:
    """What the client got: the HTTP status, the code of the error, and the body's bytes as they were sent.

    `body` is None for a stream whose parts nobody kept.
    """

    status: int
    sha256: str
    error: str = ""
    body: bytes | None = None


def event_of(
    case: Case, ending: Ending, *, latency_ms: float, reference_usd: float | None, keeps_contents: bool
) -> Event:
    """Returns the event of a call that ended."""
    call, outcome, reply = case.call, case.outcome, case.reply
    left = case.left_machine
    body = ending.body if keeps_contents else None
    return Event(
        id=case.id,
        at=case.at,
        key_id=case.caller.key_id,
        route="" if case.route is None else case.route.name,
        operation=case.operation,
        requested_model=case.requested_model,
        status=ending.status,
        error=ending.error,
        tier="" if reply is None else reply.tier,
        place=None if reply is None else reply.place,
        model="" if reply is None else reply.model,
        steps=case.steps or (),
        escalated=case.is_escalated,
        data_classes=frozenset() if call is None else call.data_classes,
        local_only=call is not None and call.local_only,
        left_machine=left,
        masked=left and call is not None and call.masked_body is not None,
        certificate=None if reply is None else reply.certificate,
        usage=case.usage,
        cost_usd=_cost_usd(case),
        reference_usd=reference_usd,
        latency_ms=latency_ms,
        first_token_ms=case.first_token_ms,
        streamed=outcome is not None and outcome.streaming is not None,
        ticket=None if outcome is None else outcome.ticket,
        request_sha256=hashlib.sha256(case.request_bytes).hexdigest(),
        response_sha256=ending.sha256,
        request_text=case.request_bytes.decode("utf-8", "replace") if keeps_contents else None,
        response_text=None if body is None else body.decode("utf-8", "replace"),
        budget_tokens=0 if call is None else call.unread.tokens,
        budget_usd=0.0 if call is None else call.unread.usd,
    )


def _cost_usd(case: Case) -> float | None:
    """Returns what all tiers' answers to a call cost together; None where one's price is not known."""
    passed_up = [step.cost_usd for step in case.steps or () if step.verdict is Verdict.ESCALATED]
    costs = passed_up if case.reply is None else [*passed_up, case.reply.cost_usd]
    if not costs or None in costs:
        return None
    return sum(cost for cost in costs if cost is not None)
