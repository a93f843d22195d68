"""What is served: routes, tiers, and what is proven of each."""

from dataclasses import asdict

from suffice.serve.route import Route
from suffice.web.sources import SiteFacts, TierFacts
from suffice.web.visit import Json, Pages, View, Visit


async def facts(pages: Pages, _visit: Visit) -> Json:
    """Returns every route with its tiers, and every tier with its certificate."""
    site = pages.site()
    return {
        "now": pages.clock.now(),
        "url": site.url,
        "version": site.version,
        "started_at": site.started_at,
        "notes": list(site.notes),
        "routes": [_route(route, site) for route in site.routes],
        "tiers": [_tier(tier, site) for tier in site.tiers],
    }


def _route(route: Route, site: SiteFacts) -> Json:
    known = {tier.name: tier for tier in site.tiers}
    return {
        "name": route.name,
        "tiers": [
            {
                "name": name,
                "place": known[name].place if name in known else None,
                "status": known[name].status if name in known else "",
            }
            for name in route.tiers
        ],
        "escalate_below": route.escalate_below,
        "novelty_above": route.novelty_above,
        "reference": route.reference,
        "system_prompts": len(route.system_prompts),
        "hedge_after_s": route.hedge_after_s,
        "timeout_s": route.timeout_s,
    }


def _tier(tier: TierFacts, site: SiteFacts) -> Json:
    return {
        **asdict(tier),
        "certificate": None if tier.certificate is None else dict(tier.certificate),
        "routes": [route.name for route in site.routes if tier.name in route.tiers],
    }


VIEW = View(
    name="models",
    path="/served",  # a client whose base URL lacks /v1 asks for /models, and has to be told so
    title="Models",
    scopes=frozenset({"view", "admin"}),
    facts=facts,
)
