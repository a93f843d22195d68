"""The list of requests, and the page of one: why this tier, why this answer."""

from collections.abc import Mapping
from typing import Any

from suffice.ports import Request
from suffice.serve.errors import BadCall, CallError, NotFound
from suffice.serve.event import Event
from suffice.serve.reply import Place, Verdict
from suffice.serve.store.records import Filter
from suffice.web.kept_text import answer_in, request_of
from suffice.web.views import rows
from suffice.web.visit import Json, Pages, View, Visit

_A_PAGE = 50
HAS_ANSWERED = (Verdict.ANSWERED, Verdict.ESCALATED)
_NUMBER_LIMIT = 2**62  # what a database's integer holds


async def list_facts(pages: Pages, visit: Visit) -> Json:
    """Returns one page of requests, newest first.

    Raises:
        BadCall: a filter that cannot be read.
    """
    asked = visit.query
    before = _number(asked.get("before"))
    is_admin = visit.rows_of is None
    wanted = Filter(
        route=asked.get("route") or None,
        tier=asked.get("tier") or None,
        by_key=(asked.get("key") or None) if is_admin else None,
        failed=_failed(asked.get("outcome")),
        before=before,
        limit=_A_PAGE + 1,
    )
    kept = await pages.reads.events(visit.rows_of, wanted)
    shown, site = kept[:_A_PAGE], pages.site()
    names = await rows.key_names(pages, visit)
    return {
        "now": pages.clock.now(),
        "url": site.url,
        "rows": "all keys" if is_admin else "this key",
        "routes": [route.name for route in site.routes],
        "tiers": [tier.name for tier in site.tiers],
        "chosen": {
            "route": wanted.route,
            "tier": wanted.tier,
            "key": wanted.by_key,
            "outcome": asked.get("outcome") or None,
        },
        "before": before,
        "next_before": shown[-1].number if len(kept) > _A_PAGE else None,
        "requests": [rows.row(one.event, names) for one in shown],
    }


async def one_facts(pages: Pages, visit: Visit) -> Json:
    """Returns all that is kept of one request, and the reasons where its text is kept.

    Raises:
        NotFound: there is none of this id that the visitor may see.
    """
    kept = await pages.reads.event(visit.rows_of, visit.path["id"])
    if kept is None:
        raise NotFound(f"no request {visit.path['id']!r} was kept, or it is another key's")
    event, site = kept.event, pages.site()
    route = next((route for route in site.routes if route.name == event.route), None)
    return {
        "now": pages.clock.now(),
        "request": rows.whole(event, await rows.key_names(pages, visit)),
        "route": None
        if route is None
        else {
            "name": route.name,
            "tiers": list(route.tiers),
            "escalate_below": route.escalate_below,
            "novelty_above": route.novelty_above,
        },
        "keeps_contents": site.keeps_contents,
        "has_site_file": site.has_file,
        "asked_text": None if (request := request_of(event)) is None else request.text,
        "answer_text": answer_in(event),
        "explanations": await _explanations(pages, event),
    }


async def _explanations(pages: Pages, event: Event) -> list[Json]:
    """Returns what each local tier that was asked says to the kept text now: bundles may have changed."""
    request = request_of(event)
    if request is None or pages.explain is None:
        return []
    asked = [step for step in event.steps if step.place is Place.LOCAL and step.verdict in HAS_ANSWERED]
    found = [await explained(pages, step.tier, request) for step in asked]
    return [explanation for explanation in found if explanation is not None]


async def explained(pages: Pages, tier: str, request: Request) -> Json | None:
    """Returns one tier's explanation of its answer; None where it cannot tell."""
    if pages.explain is None:
        return None
    try:
        said: Mapping[str, Any] | None = await pages.explain(tier, request)
    except CallError as error:
        return {"tier": tier, "rungs": [], "error": error.message}
    return None if said is None else {"tier": tier, "rungs": said["rungs"], "error": None}


def _number(given: str | None) -> int | None:
    if not given:
        return None
    if not given.isascii() or not given.isdigit() or int(given[:20]) > _NUMBER_LIMIT:
        raise BadCall(f"before={given[:40]!r} is no number of a request", param="before")
    return int(given)


def _failed(outcome: str | None) -> bool | None:
    if not outcome:
        return None
    if outcome not in {"ok", "failed"}:
        raise BadCall("outcome is 'ok' or 'failed'", param="outcome")
    return outcome == "failed"


LIST = View(
    name="requests",
    path="/requests",
    title="Requests",
    scopes=frozenset({"view", "admin"}),
    facts=list_facts,
)
ONE = View(
    name="request",
    path="/requests/{id}",
    title="Request",
    scopes=frozenset({"view", "admin"}),
    facts=one_facts,
)
