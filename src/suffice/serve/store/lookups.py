"""Rows looked up in the store: events, feedback and tickets, each for one key or for all."""

from collections.abc import Sequence

import orjson
import sqlalchemy as sa

from suffice.serve import steps
from suffice.serve.judgement import Judgement
from suffice.serve.store.records import (
    Filter,
    Kept,
    KeptFeedback,
    Span,
    Ticket,
    TicketState,
)
from suffice.serve.store.rows import maybe_moment, microseconds, moment, to_event
from suffice.serve.store.schema import events as _events
from suffice.serve.store.schema import feedback as _feedback
from suffice.serve.store.schema import tickets as _tickets


def seen_by(table: sa.Table, key_id: str | None) -> list[sa.ColumnElement[bool]]:
    """Returns the condition that shows one key's rows only; none for None, who sees all."""
    return [] if key_id is None else [table.c.key_id == key_id]


def within(table: sa.Table, span: Span) -> list[sa.ColumnElement[bool]]:
    """Returns the conditions that a row's time lies in a span."""
    since = [] if span.since is None else [table.c.at_us >= microseconds(span.since)]
    until = [] if span.until is None else [table.c.at_us < microseconds(span.until)]
    return since + until


def has_failed() -> sa.ColumnElement[bool]:
    """Returns the condition of a call that ended with an error, a stream that broke included."""
    return sa.or_(_events.c.status >= 400, _events.c.error != "")


def events(connection: sa.Connection, key_id: str | None, wanted: Filter) -> Sequence[Kept]:
    """Returns the events that fit, newest first."""
    c = _events.c
    where = [*seen_by(_events, key_id), *within(_events, wanted.span)]
    named = (
        (c.route, wanted.route),
        (c.tier, wanted.tier),
        (c.key_id, wanted.by_key),
        (c.status, wanted.status),
    )
    where += [column == value for column, value in named if value is not None]
    if wanted.failed is not None:
        where.append(has_failed() if wanted.failed else sa.not_(has_failed()))
    if wanted.before is not None:
        where.append(c.number < wanted.before)
    query = sa.select(_events).where(*where).order_by(c.number.desc()).limit(wanted.limit)
    return [_kept(row) for row in connection.execute(query).mappings()]


def event(connection: sa.Connection, key_id: str | None, call_id: str) -> Kept | None:
    """Returns the newest event of a call's id, or None."""
    c = _events.c
    where = (*seen_by(_events, key_id), c.id == call_id)
    query = sa.select(_events).where(*where).order_by(c.number.desc()).limit(1)
    row = connection.execute(query).mappings().first()
    return None if row is None else _kept(row)


def feedback(
    connection: sa.Connection, key_id: str | None, before: int | None, limit: int
) -> Sequence[KeptFeedback]:
    """Returns feedback, newest first."""
    c = _feedback.c
    where = [*seen_by(_feedback, key_id), *([] if before is None else [c.number < before])]
    query = sa.select(_feedback).where(*where).order_by(c.number.desc()).limit(limit)
    return [_judged(row) for row in connection.execute(query).mappings()]


def tickets(
    connection: sa.Connection, key_id: str | None, state: TicketState | None, limit: int
) -> Sequence[Ticket]:
    """Returns tickets of a state, oldest first."""
    c = _tickets.c
    where = [*seen_by(_tickets, key_id), *([] if state is None else [c.state == state.value])]
    query = sa.select(_tickets).where(*where).order_by(c.number).limit(limit)
    return [to_ticket(row) for row in connection.execute(query).mappings()]


def ticket(connection: sa.Connection, key_id: str | None, ticket_id: str) -> Ticket | None:
    """Returns one ticket, or None."""
    query = sa.select(_tickets).where(*seen_by(_tickets, key_id), _tickets.c.id == ticket_id)
    row = connection.execute(query).mappings().first()
    return None if row is None else to_ticket(row)


def to_ticket(row: sa.RowMapping) -> Ticket:
    """Returns the ticket of a row."""
    return Ticket(
        id=row["id"],
        at=moment(row["at_us"]),
        key_id=row["key_id"],
        route=row["route"],
        call_id=row["call_id"],
        body=orjson.loads(row["body"]),
        steps=steps.from_json(row["steps"]),
        state=TicketState(row["state"]),
        expires_at=maybe_moment(row["expires_us"]),
        answer=row["answer"],
        answered_by=row["answered_by"],
        answered_at=maybe_moment(row["answered_us"]),
    )


def _kept(row: sa.RowMapping) -> Kept:
    return Kept(number=row["number"], event=to_event(row))


def _judged(row: sa.RowMapping) -> KeptFeedback:
    said = Judgement(
        request_id=row["request_id"],
        key_id=row["judge"],
        at=moment(row["at_us"]),
        label=row["label"],
        correct=row["correct"],
        score=row["score"],
        comment=row["comment"],
    )
    return KeptFeedback(
        number=row["number"], judgement=said, owner=row["key_id"], route=row["route"], tier=row["tier"]
    )
