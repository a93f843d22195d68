"""The review queue: what waits for a person, and the form for one answer."""

from typing import Any

from suffice.serve.errors import BadCall, NotAllowed, NotFound
from suffice.serve.reply import Place
from suffice.serve.store.records import Ticket, TicketState
from suffice.web.answer_form import answer_from, form_for, schema_for
from suffice.web.kept_text import request_in, text_of
from suffice.web.views import rows
from suffice.web.views.requests import HAS_ANSWERED, explained
from suffice.web.visit import Json, Pages, View, Visit

_SCOPES = frozenset({"review"})
_A_PAGE = 50
_LONGEST = 100_000


async def queue_facts(pages: Pages, visit: Visit) -> Json:
    """Returns the open tickets, the oldest first, and those answered lately; reviewers see every key's."""
    return {
        "now": pages.clock.now(),
        "has_site_file": pages.site().has_file,
        "routes": [route.name for route in pages.site().routes],
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
    ticket = await _seen(pages, visit)
    is_open = pages.answer_ticket is not None and ticket.state is TicketState.OPEN
    can_answer = is_open and "review" in visit.caller.scopes
    proposal = await _proposal(pages, ticket) if can_answer else None
    return {
        "now": pages.clock.now(),
        "ticket": {
            **_ticket(ticket),
            "turns": _turns(ticket),
            "answer_schema": schema_for(ticket, pages.site()),
            "steps": [rows.step(step) for step in ticket.steps],
            "answer": ticket.answer,
            "answered_by": ticket.answered_by,
            "answered_at": ticket.answered_at,
        },
        "can_answer": can_answer,
        "form": form_for(ticket, pages.site(), proposal) if can_answer else None,
        "proposal": proposal,
        "problem": None,
        "given": "",
    }


async def answer(pages: Pages, visit: Visit) -> Json | str:
    """Keeps the answer, and returns the path of the queue; where it does not fit, the form as it was.

    Raises:
        NotAllowed: the key may not review. BadCall: an empty answer, too long a one, or one that
            does not fit the schema. NotFound: no such ticket, or answers are not taken.
    """
    if not _SCOPES & visit.caller.scopes:
        raise NotAllowed("answering needs a key with the scope review")
    try:
        said = answer_from(await _seen(pages, visit), pages.site(), visit.form)
    except BadCall as error:
        if visit.session is None:
            raise
        return _as_it_was(await ticket_facts(pages, visit), visit, error)
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


async def _seen(pages: Pages, visit: Visit) -> Ticket:
    """Returns the ticket of the path: any to a reviewer, their own to who asked."""
    is_reviewer = "review" in visit.caller.scopes
    ticket = await pages.reads.ticket(None if is_reviewer else visit.caller.key_id, visit.path["id"])
    if ticket is None:
        raise NotFound(f"there is no ticket {visit.path['id']!r}, or it is another key's")
    return ticket


async def _proposal(pages: Pages, ticket: Ticket) -> Json | None:
    """Returns what the last local tier that was not trusted says to the question now; None where none can.

    The bundle may have been swapped since: its step tells how sure it was then.
    """
    request = request_in(ticket.body)
    asked = [step for step in ticket.steps if step.place is Place.LOCAL and step.verdict in HAS_ANSWERED]
    if request is None or not asked:
        return None
    said: Any = await explained(pages, asked[-1].tier, request)
    rung = next((one for one in reversed((said or {}).get("rungs", [])) if one["text"] is not None), None)
    if rung is None:
        return None
    told = ("text", "confidence", "score", "threshold", "probabilities")
    return {"tier": asked[-1].tier, "model": rung["name"], **{name: rung[name] for name in told}}


def _as_it_was(facts: Json, visit: Visit, error: BadCall) -> Json:
    """Returns a ticket's facts with what was written in its form, and what is wrong with it."""
    form = facts["form"]
    if form is not None:
        fields = [{**one, "value": visit.form.get(one["pointer"], one["value"])} for one in form["fields"]]
        form = {**form, "fields": fields}
    problem = {"message": error.message, "param": error.param}
    return {**facts, "form": form, "problem": problem, "given": visit.form.get("answer", "")}


QUEUE = View(name="review", path="/review", title="Review", scopes=_SCOPES, facts=queue_facts)
TICKET = View(
    name="ticket",
    path="/review/{id}",
    title="Ticket",
    scopes=_SCOPES | {"view", "call"},  # who asked comes here for the answer
    facts=ticket_facts,
    answer=answer,
)
