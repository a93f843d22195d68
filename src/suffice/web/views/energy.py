"""Joules of the calls in a window: what bundles took at most, and what that saved at least.

A bundle's rungs were measured above idle when it was certified, one by one. Which of them a call went
through is not summed up, so a call counts with all of them: what was used is at most that. What a
reference takes nobody can measure from here: the site may state it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from suffice.serve.reply import Place
from suffice.serve.store.records import Rate, Traffic
from suffice.web.sources import SiteFacts, TierFacts
from suffice.web.visit import Json

_ENERGY = "energy_j"


def energy(traffic: Sequence[Traffic], escalation: Sequence[Rate], site: SiteFacts) -> Json:
    """Returns `used_at_most_j` over the `n` calls that reached bundles, and `saved_at_least_j`.

    `saved_at_least_j` is over the `compared_n` calls that a bundle answered in the place of a reference
    whose joules the site states; below 0 where the bundles took more. Both are None where something is
    not known, and `why` says what.
    """
    tiers = {tier.name: tier for tier in site.tiers}
    reached = {rate.route: rate.n for rate in escalation}
    answered: dict[tuple[str, str], int] = {}
    for part in traffic:
        answered[part.route, part.tier] = answered.get((part.route, part.tier), 0) + part.calls - part.failed
    used, saved, n, compared_n = 0.0, 0.0, 0, 0
    for route in site.routes:
        bundles = [tiers[name] for name in route.tiers if _is_bundle(tiers.get(name))]
        calls = reached.get(route.name, 0)
        if not bundles or not calls:
            continue
        each = [joules_of(tier) for tier in bundles]
        if None in each:
            return _unknown("a bundle's energy was not measured when it was certified")
        taken = calls * sum(joules for joules in each if joules is not None)
        used, n = used + taken, n + calls
        stated = None if route.reference is None else tiers[route.reference].joules_per_call
        if stated is not None:
            spared = sum(answered.get((route.name, tier.name), 0) for tier in bundles)
            saved, compared_n = saved + spared * stated - taken, compared_n + spared
    if not n:
        return _unknown("no call reached a bundle")
    return {
        "used_at_most_j": used,
        "n": n,
        "saved_at_least_j": saved if compared_n else None,
        "compared_n": compared_n,
        "why": "" if compared_n else "no joules_per_call is stated for a reference",
    }


def joules_of(tier: TierFacts) -> float | None:
    """Returns what a call takes that goes through all rungs of a bundle; None where one was not measured."""
    measured: Mapping[str, Sequence[Mapping[str, Any]]] = (tier.certificate or {}).get("measurements") or {}
    found: list[float | None] = [
        next((one["value"] for one in rung if one["quantity"] == _ENERGY), None) for rung in measured.values()
    ]
    known = [joules for joules in found if joules is not None]
    return sum(known) if found and len(known) == len(found) else None


def _is_bundle(tier: TierFacts | None) -> bool:
    return tier is not None and tier.place is Place.LOCAL


def _unknown(why: str) -> Json:
    return {"used_at_most_j": None, "n": 0, "saved_at_least_j": None, "compared_n": 0, "why": why}
