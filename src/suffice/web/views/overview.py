"""The overview: traffic, money, quality and latency in one window of time."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from suffice.serve.errors import BadCall
from suffice.serve.reply import Place
from suffice.serve.store.records import Filter, Latency, Rate, Span, Traffic
from suffice.stats.intervals import wilson
from suffice.web.sources import SiteFacts
from suffice.web.views import rows
from suffice.web.views.energy import energy
from suffice.web.visit import Json, Pages, View, Visit

# Window -> (its length, the length of one column of the chart), in seconds.
WINDOWS: Mapping[str, tuple[int, int]] = {
    "1h": (3600, 60),
    "24h": (86_400, 1800),
    "7d": (7 * 86_400, 3 * 3600),
    "30d": (30 * 86_400, 12 * 3600),
}
_LATEST = 8
_LEVEL = 0.95
_LOCAL = frozenset({Place.LOCAL, Place.TRUSTED_LOCAL})


async def facts(pages: Pages, visit: Visit) -> Json:
    """Returns what happened in the window, for the visitor's rows.

    Raises:
        BadCall: an unknown window.
    """
    window = visit.query.get("window", "24h")
    if window not in WINDOWS:
        raise BadCall(f"window {window!r} is none of {', '.join(WINDOWS)}", param="window")
    told: Json = await pages.shared.result(
        ("overview", visit.rows_of, window), lambda: _told(pages, visit.rows_of, window)
    )
    names = await rows.key_names(pages, visit)
    return {**told, "latest": [{**one, "key_name": names.get(one["key_id"], "")} for one in told["latest"]]}


async def _told(pages: Pages, key_id: str | None, window: str) -> Json:
    length_s, bucket_s = WINDOWS[window]
    now, site = pages.clock.now(), pages.site()
    since = datetime.fromtimestamp((int(now.timestamp()) - length_s) // bucket_s * bucket_s + bucket_s, UTC)
    span = Span(since=since)
    reads = pages.reads
    traffic, latency, escalation, quality, money, latest = await asyncio.gather(
        reads.traffic(key_id, span=span, bucket_s=bucket_s),
        reads.latency(key_id, span=span),
        reads.escalation(key_id, span=span),
        reads.quality(key_id, span=span),
        reads.money(key_id, span=span),
        reads.events(key_id, Filter(limit=_LATEST)),
    )
    return {
        "now": now,
        "url": site.url,
        "routes": [route.name for route in site.routes],
        "rows": "all keys" if key_id is None else "this key",
        "window": window,
        "windows": list(WINDOWS),
        "since": since,
        "bucket_s": bucket_s,
        **_traffic(traffic, site, latency),
        "columns": _columns(traffic, since=since, until=now, bucket_s=bucket_s),
        "escalation": _escalation(escalation),
        "quality": [asdict(rate) for rate in quality],
        "money": asdict(money),
        "energy": energy(traffic, escalation, site),
        "latest": [rows.row(kept.event) for kept in latest],
    }


def _traffic(traffic: Sequence[Traffic], site: SiteFacts, latencies: Sequence[Latency]) -> Json:
    places = {tier.name: tier.place.value for tier in site.tiers}
    order = {name: number for number, name in enumerate(places)}
    calls: dict[str, int] = {}
    for part in traffic:
        calls[part.tier] = calls.get(part.tier, 0) + part.calls
    n = sum(calls.values())
    by_tier = {latency.tier: latency for latency in latencies}
    tiers: list[Json] = [
        {
            "tier": tier,
            "place": places.get(tier),
            "calls": count,
            "share": count / n,
            "latency": asdict(by_tier[tier]) if tier in by_tier else None,
        }
        for tier, count in sorted(calls.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))
        if tier
    ]
    answered = sum(tier["calls"] for tier in tiers)
    local = sum(tier["calls"] for tier in tiers if tier["place"] in _LOCAL)
    return {
        "calls": n,
        "failed": sum(part.failed for part in traffic),
        "unanswered": calls.get("", 0),
        "tiers": tiers,
        "local": None if not answered else _rate(local, answered),
    }


def _columns(traffic: Sequence[Traffic], *, since: datetime, until: datetime, bucket_s: int) -> list[Json]:
    columns: dict[datetime, Json] = {}
    at = since
    while at <= until:
        columns[at] = {"at": at, "calls": {}, "failed": 0}
        at += timedelta(seconds=bucket_s)
    for part in traffic:
        if (column := columns.get(part.at)) is not None:
            column["calls"][part.tier] = column["calls"].get(part.tier, 0) + part.calls
            column["failed"] += part.failed
    return list(columns.values())


def _escalation(rates: Sequence[Rate]) -> Json:
    count, n = sum(rate.count for rate in rates), sum(rate.n for rate in rates)
    return {"all": _rate(count, n) if n else None, "routes": [asdict(rate) for rate in rates]}


def _rate(count: int, n: int) -> dict[str, Any]:
    bounds = wilson(count, n, _LEVEL)
    return {"count": count, "n": n, "rate": count / n, **bounds._asdict()}


VIEW = View(
    name="overview",
    path="/overview",
    title="Overview",
    scopes=frozenset({"view", "admin"}),
    facts=facts,
)
