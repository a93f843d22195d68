"""The review queue: what waits for a person, and the form for one answer."""

from suffice.serve.errors import BadCall, NotAllowed, NotFound
from suffice.serve.reply import Place
from suffice.serve.store.records import Ticket, TicketState
from suffice.web.kept_text import text_of
from suffice.web.views import rows
from suffice.web.visit import Json, Pages, View, Visit

_SCOPES = frozenset({"review"})
_A_PAGE = 50
_LONGEST = 100_000


async def queue_facts(pages: Pages, visit: Visit) -> Json:
    """Returns the open tickets, the oldest first, and those answered lately; reviewers see every key's."""
    return {
        "now": pages.clock.now(),
        "has_queue": any(tier.place is Place.HUMAN for tier in pages.site().tiers),
        "answered": visit.query.get("answered"),
        "open": [
            _ticket(ticket)
            for ticket in await pages.reads.tickets(None, state=TicketState.OPEN, limit=_A_PAGE)
        ],
        "limit": _A_PAGE,
    }


async def ticket_facts(pages: Pages, visit: Visit) -> Json:
    """Returns one ticket with the whole question: any to a reviewer, their own to who asked.

    Raises:
        NotFound: there is none of this id.
    """
    is_reviewer = "review" in visit.caller.scopes
    ticket = await pages.reads.ticket(None if is_reviewer else visit.caller.key_id, visit.path["id"])
    if ticket is None:
        raise NotFound(f"there is no ticket {visit.path['id']!r}, or it is another key's")
    return {
        "now": pages.clock.now(),
        "ticket": {
            **_ticket(ticket),
            "turns": _turns(ticket),
            "answer_schema": _schema(ticket),
            "steps": [rows.step(step) for step in ticket.steps],
            "answer": ticket.answer,
            "answered_by": ticket.answered_by,
            "answered_at": ticket.answered_at,
        },
        "can_answer": is_reviewer and pages.answer_ticket is not None and ticket.state is TicketState.OPEN,
    }


async def answer(pages: Pages, visit: Visit) -> Json | str:
    """Keeps the answer, and returns the path of the queue.

    Raises:
        NotAllowed: the key may not review. BadCall: an empty answer, or too long a one.
        NotFound: no such ticket, or answers are not taken.
    """
    if not _SCOPES & visit.caller.scopes:
        raise NotAllowed("answering needs a key with the scope review")
    said = visit.form.get("answer", "").replace("\r\n", "\n").strip()
    if not said:
        raise BadCall("the answer is empty", param="answer")
    if len(said) > _LONGEST:
        raise BadCall(f"the answer has {len(said)} characters; at most {_LONGEST} are taken", param="answer")
    if pages.answer_ticket is None:
        raise NotFound("this gateway takes no answers here")
    await pages.answer_ticket(visit.path["id"], said, by=visit.caller)
    return f"/review?answered={visit.path['id']}"


def _ticket(ticket: Ticket) -> Json:
    return {
        "id": ticket.id,
        "at": ticket.at,
        "expires_at": ticket.expires_at,
        "state": ticket.state,
        "route": ticket.route,
        "key_id": ticket.key_id,
        "call_id": ticket.call_id,
        "text": text_of(ticket.body) or "",
    }


def _turns(ticket: Ticket) -> list[Json]:
    """Returns the turns of a chat; of other bodies the text as one turn of the user's."""
    turns = ticket.body.get("messages")
    if not isinstance(turns, list):
        return [{"role": "user", "text": text_of(ticket.body) or "", "content": None}]
    return [
        {
            "role": str(turn.get("role", "")),
            "text": turn.get("content") if isinstance(turn.get("content"), str) else None,
            "content": None if isinstance(turn.get("content"), str) else turn,
        }
        for turn in turns
        if isinstance(turn, dict)
    ]


def _schema(ticket: Ticket) -> Json | None:
    form = ticket.body.get("response_format")
    schema = form.get("json_schema") if isinstance(form, dict) else None
    return schema.get("schema") if isinstance(schema, dict) else None


QUEUE = View(name="review", path="/review", title="Review", scopes=_SCOPES, facts=queue_facts)
TICKET = View(
    name="ticket",
    path="/review/{id}",
    title="Ticket",
    scopes=_SCOPES | {"view", "call"},  # who asked comes here for the answer
    facts=ticket_facts,
    answer=answer,
)
