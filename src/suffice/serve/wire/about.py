"""Who answered a call, and why it may be trusted: the same in headers and in the body's `suffice` object."""

from dataclasses import dataclass
from typing import Any

from suffice.serve.call import Call
from suffice.serve.reply import Outcome


@dataclass(kw_only=True, slots=True)
class About:
    """Which tier answered where, with which confidence, under which certificate; None for what is not known.

    `request_id` is what `/v1/feedback` takes. `why` says why questions stay open, "" where none does.
    `ticket` and `url` are those under which a person will answer, "" where none will.
    """

    request_id: str
    route: str
    escalated: bool
    tier: str | None = None
    place: str | None = None
    confidence: float | None = None
    certificate: str | None = None
    why: str = ""
    ticket: str = ""
    url: str = ""

    def to_json(self) -> dict[str, Any]:
        """Returns the `suffice` object of a body."""
        return {
            "request_id": self.request_id,
            "route": self.route,
            "tier": self.tier,
            "place": self.place,
            "confidence": self.confidence,
            "certificate": self.certificate,
            "escalated": self.escalated,
            **({"why": self.why} if self.why else {}),
            **({"ticket": self.ticket, "url": self.url} if self.ticket else {}),
        }


def about(call: Call, outcome: Outcome) -> About:
    """Returns who answered."""
    reply = outcome.reply or outcome.streaming
    if reply is None:
        return About(request_id=call.id, route=call.route, escalated=outcome.is_escalated)
    answer = outcome.reply.answer if outcome.reply is not None else None
    return About(
        request_id=call.id,
        route=call.route,
        escalated=outcome.is_escalated,
        tier=reply.tier,
        place=reply.place.value,
        confidence=None if answer is None else answer.confidence,
        certificate=reply.certificate,
        why="" if outcome.reply is None else outcome.reply.doubt,
    )
