"""Figures over the kept events: traffic, latency, money, and rates with their intervals."""

import itertools
from collections.abc import Sequence

import sqlalchemy as sa

from suffice.serve.store.lookups import has_failed, seen_by, within
from suffice.serve.store.records import Latency, Money, Rate, Span, Traffic
from suffice.serve.store.rows import moment
from suffice.serve.store.schema import events as _events
from suffice.serve.store.schema import feedback as _feedback
from suffice.stats import intervals

_PERCENTILES = (50, 95, 99)
_LEVEL = 0.95
# The betting interval's time grows with n; beyond this many the interval for one look is as short.
_MOST_BETS = 20_000


def traffic(connection: sa.Connection, key_id: str | None, span: Span, bucket_s: int) -> Sequence[Traffic]:
    """Returns calls by route and tier per stretch of time, oldest first."""
    c = _events.c
    bucket_us = bucket_s * 1_000_000
    start = c.at_us - c.at_us % bucket_us
    failed = sa.func.sum(sa.case((has_failed(), 1), else_=0))
    query = (
        sa.select(
            start.label("start"), c.route, c.tier, sa.func.count().label("calls"), failed.label("failed")
        )
        .where(*seen_by(_events, key_id), *within(_events, span))
        .group_by(start, c.route, c.tier)
        .order_by(start, c.route, c.tier)
    )
    return [
        Traffic(at=moment(row.start), route=row.route, tier=row.tier, calls=row.calls, failed=int(row.failed))
        for row in connection.execute(query)
    ]


def latency(connection: sa.Connection, key_id: str | None, span: Span) -> Sequence[Latency]:
    """Returns percentiles by tier of answered calls: the value at rank ceil(share * n) (nearest rank)."""
    c = _events.c
    ranked = (
        sa.select(
            c.tier,
            c.latency_ms,
            sa.func.row_number().over(partition_by=c.tier, order_by=c.latency_ms).label("rank"),
            sa.func.count().over(partition_by=c.tier).label("n"),
        )
        .where(*seen_by(_events, key_id), *within(_events, span), c.tier != "", sa.not_(has_failed()))
        .subquery()
    )
    # ceil(p * n / 100) in whole numbers, the same in every database
    ranks = [(ranked.c.n * p + 99) // 100 for p in _PERCENTILES]
    query = sa.select(ranked).where(sa.or_(*(ranked.c.rank == rank for rank in ranks)))
    query = query.order_by(ranked.c.tier, ranked.c.rank)
    found = []
    for tier, rows in itertools.groupby(connection.execute(query), key=lambda row: row.tier):
        at_rank = {row.rank: row for row in rows}
        n = next(iter(at_rank.values())).n
        p50, p95, p99 = (at_rank[(n * p + 99) // 100].latency_ms for p in _PERCENTILES)
        found.append(Latency(tier=tier, n=n, p50_ms=p50, p95_ms=p95, p99_ms=p99))
    return found


def money(connection: sa.Connection, key_id: str | None, span: Span) -> Money:
    """Returns the sums, each over the calls for which the value is known."""
    c = _events.c
    both = sa.and_(c.cost_usd.is_not(None), c.reference_usd.is_not(None))
    saved = sa.case((both, c.reference_usd - c.cost_usd))
    query = sa.select(
        sa.func.count().label("calls"),
        sa.func.sum(c.cost_usd).label("cost_usd"),
        sa.func.count(c.cost_usd).label("cost_n"),
        sa.func.sum(c.reference_usd).label("reference_usd"),
        sa.func.count(c.reference_usd).label("reference_n"),
        sa.func.sum(saved).label("saved_usd"),
        sa.func.count(saved).label("compared_n"),
        sa.func.sum(c.input_tokens).label("input_tokens"),
        sa.func.sum(c.output_tokens).label("output_tokens"),
        sa.func.count(c.input_tokens).label("tokens_n"),
    ).where(*seen_by(_events, key_id), *within(_events, span))
    row = connection.execute(query).mappings().one()
    whole = ("input_tokens", "output_tokens")  # PostgreSQL adds up BIGINT as NUMERIC
    tokens = {name: None if row[name] is None else int(row[name]) for name in whole}
    return Money(**{**row, **tokens})


def escalation(connection: sa.Connection, key_id: str | None, span: Span) -> Sequence[Rate]:
    """Returns by route the share of calls that a tier passed up, among those that reached a tier."""
    c = _events.c
    passed = sa.func.sum(sa.case((c.escalated, 1), else_=0))
    query = (
        sa.select(c.route, passed.label("passed"), sa.func.count().label("n"))
        .where(*seen_by(_events, key_id), *within(_events, span), c.steps != "[]")
        .group_by(c.route)
        .order_by(c.route)
    )
    return [
        _rate(intervals.wilson(int(row.passed), row.n, _LEVEL), (row.route, ""), int(row.passed), row.n)
        for row in connection.execute(query)
    ]


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
