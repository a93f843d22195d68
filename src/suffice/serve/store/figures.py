"""Figures over the kept events: traffic, latency, money, and rates with their intervals."""

import bisect
import itertools
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from suffice.serve.store import rollups
from suffice.serve.store.lookups import seen_by, within
from suffice.serve.store.records import Latency, Money, Rate, Span, Traffic
from suffice.serve.store.rows import moment
from suffice.serve.store.schema import feedback as _feedback
from suffice.serve.store.schema import rollups as _rollups
from suffice.stats import intervals

_PERCENTILES = (50, 95, 99)
_LEVEL = 0.95
_COUNTS = ("calls", "cost_n", "reference_n", "compared_n", "tokens_n")
# Sum -> the number of calls it is over.
_AMOUNTS = {
    "cost_usd": "cost_n",
    "reference_usd": "reference_n",
    "saved_usd": "compared_n",
    "input_tokens": "tokens_n",
    "output_tokens": "tokens_n",
}
# The betting interval's time grows with n; beyond this many the interval for one look is as short.
_MOST_BETS = 20_000


def traffic(connection: sa.Connection, key_id: str | None, span: Span, bucket_s: int) -> Sequence[Traffic]:
    """Returns calls by route and tier per stretch of time, oldest first."""
    c = _rollups.c
    conditions = rollups.within(connection, span, bucket_s)
    start = c.at_us - c.at_us % (bucket_s * 1_000_000)
    calls, failed = sa.func.sum(c.calls).label("calls"), sa.func.sum(c.failed).label("failed")
    query = (
        sa.select(start.label("start"), c.route, c.tier, calls, failed)
        .where(c.whose == rollups.owner(key_id), *conditions)
        .group_by(start, c.route, c.tier)
        .order_by(start, c.route, c.tier)
    )
    return [
        Traffic(
            at=moment(row.start), route=row.route, tier=row.tier, calls=int(row.calls), failed=int(row.failed)
        )
        for row in connection.execute(query)
    ]


def latency(connection: sa.Connection, key_id: str | None, span: Span) -> Sequence[Latency]:
    """Returns percentiles by tier of answered calls: the value at rank ceil(share * n), within 1%."""
    c = _rollups.c
    conditions = rollups.within(connection, span)
    query = (
        sa.select(c.tier, c.latencies)
        .where(c.whose == rollups.owner(key_id), c.latencies != "[]", *conditions)
        .order_by(c.tier)
    )
    found = []
    for tier, rows in itertools.groupby(connection.execute(query), key=lambda row: row.tier):
        classes = sorted(rollups.merged(row.latencies for row in rows).items())
        up_to = list(itertools.accumulate(count for _, count in classes))
        n = up_to[-1]
        p50, p95, p99 = (
            rollups.latency_of(classes[bisect.bisect_left(up_to, (n * share + 99) // 100)][0])
            for share in _PERCENTILES
        )
        found.append(Latency(tier=tier, n=n, p50_ms=p50, p95_ms=p95, p99_ms=p99))
    return found


def money(connection: sa.Connection, key_id: str | None, span: Span) -> Money:
    """Returns the sums, each over the calls for which the value is known."""
    c = _rollups.c
    conditions = rollups.within(connection, span)
    names = (*_COUNTS, *_AMOUNTS)
    query = sa.select(*(sa.func.coalesce(sa.func.sum(c[name]), 0).label(name) for name in names))
    row = connection.execute(query.where(c.whose == rollups.owner(key_id), *conditions)).mappings().one()
    counts = {name: int(row[name]) for name in _COUNTS}
    known: dict[str, Any] = {name: row[name] if counts[n] else None for name, n in _AMOUNTS.items()}
    for name in ("input_tokens", "output_tokens"):
        known[name] = None if known[name] is None else int(known[name])
    return Money(**counts, **known)


def escalation(connection: sa.Connection, key_id: str | None, span: Span) -> Sequence[Rate]:
    """Returns by route the share of calls that a tier passed up, among those that reached a tier."""
    c = _rollups.c
    conditions = rollups.within(connection, span)
    reached = sa.func.sum(c.reached)
    query = (
        sa.select(c.route, sa.func.sum(c.escalated).label("passed"), reached.label("n"))
        .where(c.whose == rollups.owner(key_id), *conditions)
        .group_by(c.route)
        .having(reached > 0)
        .order_by(c.route)
    )
    found = []
    for row in connection.execute(query):
        passed, n = int(row.passed), int(row.n)
        found.append(_rate(intervals.wilson(passed, n, _LEVEL), (row.route, ""), passed, n))
    return found


def quality(connection: sa.Connection, key_id: str | None, span: Span) -> Sequence[Rate]:
    """Returns by route and tier the share of judged answers that were right; the last word counts."""
    c = _feedback.c
    judged = (*seen_by(_feedback, key_id), *within(_feedback, span), c.correct.is_not(None))
    last = sa.select(sa.func.max(c.number)).where(*judged).group_by(c.key_id, c.request_id)
    query = (
        sa.select(c.route, c.tier, c.correct).where(c.number.in_(last)).order_by(c.route, c.tier, c.number)
    )
    found = []
    for place, rows in itertools.groupby(connection.execute(query), key=lambda row: (row.route, row.tier)):
        right = [float(row.correct) for row in rows]
        n, count = len(right), int(sum(right))
        bounds = (
            intervals.betting(right, level=_LEVEL) if n <= _MOST_BETS else intervals.wilson(count, n, _LEVEL)
        )
        found.append(_rate(bounds, place, count, n))
    return found


def _rate(bounds: intervals.IntervalBounds, place: tuple[str, str], count: int, n: int) -> Rate:
    return Rate(route=place[0], tier=place[1], count=count, n=n, rate=count / n, **bounds._asdict())
