"""The playground: one question asked of a route's local tier and of its reference, side by side."""

import asyncio

from suffice.ports import Request
from suffice.serve.call import Wishes
from suffice.serve.errors import BadCall, CallError, NotFound
from suffice.serve.reply import Place
from suffice.serve.route import Route
from suffice.web.sources import SiteFacts
from suffice.web.views import rows
from suffice.web.views.requests import HAS_ANSWERED, explained
from suffice.web.visit import Json, Pages, View, Visit

_LONGEST = 50_000


async def facts(pages: Pages, _visit: Visit) -> Json:
    """Returns the routes that can be asked, and no question yet."""
    return _about(pages, route=None, text="", sides=[])


async def answer(pages: Pages, visit: Visit) -> Json | str:
    """Returns both sides' answers to the form's text. The text is not kept by the page itself.

    Raises:
        BadCall: no text, or too long a one. NotFound: no such route, or no asking here.
    """
    text = visit.form.get("text", "").replace("\r\n", "\n")
    if not text.strip():
        raise BadCall("there is no text to ask about", param="text")
    if len(text) > _LONGEST:
        raise BadCall(f"the text has {len(text)} characters; at most {_LONGEST} are taken here", param="text")
    name = visit.form.get("route", "")
    route = next((one for one in pages.site().routes if one.name == name), None)
    if route is None:
        raise NotFound(f"there is no route {name!r}")
    sides = await asyncio.gather(_small(pages, visit, route, text), _large(pages, visit, route, text))
    return _about(pages, route=route.name, text=text, sides=list(sides))


async def _small(pages: Pages, visit: Visit, route: Route, text: str) -> Json:
    tier = _local_tier(pages.site(), route)
    if tier is None:
        return _absent("small", None, "this route has no tier on this machine")
    side = await _asked(pages, visit, route, text, Wishes(local_only=True, no_people=True))
    # Who may not ask, or has used up a budget, is not told by way of the reasons either.
    has_said = side["request"] is not None and any(
        step["tier"] == tier and step["verdict"] in HAS_ANSWERED for step in side["request"]["steps"]
    )
    return {
        **side,
        **_of("small", tier, pages.site()),
        "explanation": await explained(pages, tier, Request(text=text)) if has_said else None,
    }


async def _large(pages: Pages, visit: Visit, route: Route, text: str) -> Json:
    tier = route.reference if route.reference in route.tiers else route.tiers[-1]
    if tier == _local_tier(pages.site(), route):
        return _absent("large", None, "this route has no reference to compare with")
    if "tiers" not in visit.caller.scopes:
        return _absent("large", tier, "asking a later tier directly needs a key with the scope tiers")
    side = await _asked(pages, visit, route, text, Wishes(skip_to=tier, no_people=True))
    return {**side, **_of("large", tier, pages.site()), "explanation": None}


async def _asked(pages: Pages, visit: Visit, route: Route, text: str, wishes: Wishes) -> Json:
    if pages.ask is None:
        raise NotFound("nothing can be asked from this page")
    try:
        said = await pages.ask(visit.caller, route=route.name, text=text, wishes=wishes)
    except CallError as error:
        return {"text": None, "error": error.message, "request": None}
    return {
        "text": said.text,
        "error": said.message or said.event.error or None,
        "request": rows.whole(said.event),
    }


def _absent(side: str, tier: str | None, why: str) -> Json:
    return {
        "side": side,
        "tier": tier,
        "place": None,
        "text": None,
        "error": why,
        "request": None,
        "explanation": None,
    }


def _of(side: str, tier: str, site: SiteFacts) -> Json:
    places = {one.name: one.place for one in site.tiers}
    return {"side": side, "tier": tier, "place": places.get(tier)}


def _compared(sides: list[Json]) -> Json | None:
    """Returns how the two answers compare; None where one is missing."""
    if len(sides) != 2 or any(side["text"] is None or side["request"] is None for side in sides):
        return None
    small, large = sides
    return {
        "same_answer": small["text"].strip() == large["text"].strip(),
        "times_faster": _times(small["request"]["latency_ms"], large["request"]["latency_ms"]),
        "times_cheaper": _times(small["request"]["cost_usd"], large["request"]["cost_usd"]),
    }


def _times(less: float | None, more: float | None) -> float | None:
    return more / less if less and more and more > less else None


def _local_tier(site: SiteFacts, route: Route) -> str | None:
    local = {tier.name for tier in site.tiers if tier.place is Place.LOCAL}
    return next((name for name in route.tiers if name in local), None)


def _about(pages: Pages, *, route: str | None, text: str, sides: list[Json]) -> Json:
    site = pages.site()
    return {
        "now": pages.clock.now(),
        "url": site.url,
        "routes": [one.name for one in site.routes],
        "can_ask": pages.ask is not None and bool(site.routes),
        "route": route,
        "text": text,
        "sides": sides,
        "comparison": _compared(sides),
    }


VIEW = View(
    name="playground",
    path="/playground",
    title="Playground",
    scopes=frozenset({"call"}),
    facts=facts,
    answer=answer,
)
