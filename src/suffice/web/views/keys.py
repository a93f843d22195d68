"""The keys: public ids, what each may do, and what it has used up; never a secret, nor its hash."""

from dataclasses import asdict
from datetime import datetime

from suffice.serve.key import Key, Spent
from suffice.web.visit import Json, Pages, View, Visit


async def facts(pages: Pages, _visit: Visit) -> Json:
    """Returns every key, and what each spent in the minute and the day (UTC) that are running."""
    now = pages.clock.now()
    minute, day = now.replace(second=0, microsecond=0), now.replace(hour=0, minute=0, second=0, microsecond=0)
    spending = pages.spending
    in_minute = {} if spending is None else await spending.spent_since(minute)
    in_day = {} if spending is None else await spending.spent_since(day)
    return {
        "now": now,
        "counts_spending": spending is not None,
        "keys": [
            _key(key, in_minute.get(key.id, Spent()), in_day.get(key.id, Spent()), now)
            for key in await pages.keys.all_keys()
        ],
    }


def _key(key: Key, in_minute: Spent, in_day: Spent, now: datetime) -> Json:
    limits = key.limits
    budgets = [
        ("requests", "minute", in_minute.requests, limits.requests_per_minute),
        ("tokens", "minute", in_minute.tokens, limits.tokens_per_minute),
        ("usd", "minute", in_minute.usd, limits.usd_per_minute),
        ("requests", "day", in_day.requests, limits.requests_per_day),
        ("tokens", "day", in_day.tokens, limits.tokens_per_day),
        ("usd", "day", in_day.usd, limits.usd_per_day),
    ]
    return {
        "id": key.id,
        "name": key.name,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
        "is_revoked": key.revoked_at is not None and key.revoked_at <= now,
        "scopes": sorted(key.scopes),
        "models": sorted(key.models),
        "today": asdict(in_day),
        "budgets": [
            {"what": what, "per": per, "used": used, "limit": limit}
            for what, per, used, limit in budgets
            if limit is not None
        ],
    }


VIEW = View(name="keys", path="/keys", title="Keys", scopes=frozenset({"admin"}), facts=facts)
