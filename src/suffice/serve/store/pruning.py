"""Removing old calls from the store, a few at a time, so that a gateway's writes never wait for long."""

import asyncio
from datetime import datetime

import sqlalchemy as sa

from suffice.clock import Clock
from suffice.serve.store.records import TicketState
from suffice.serve.store.rows import microseconds
from suffice.serve.store.schema import events as _events
from suffice.serve.store.schema import tickets as _tickets
from suffice.serve.store.writer import Writer

_ROWS = 500
# Numbers follow the time of writing; a call that was written late may stand behind this many younger ones.
_LATE_ROWS = 20_000


async def prune(writer: Writer, before: datetime, clock: Clock, *, rows: int = _ROWS) -> int:
    """Removes the calls that ended before a time, and the tickets that were closed; returns how many calls.

    Sums over them, and feedback, stay. Between two transactions it rests for as long as one took.

    Raises:
        StoreDown: the database cannot be written to; what was removed by then is gone.
    """
    before_us = microseconds(before)
    await writer.commit(lambda connection: _prune_tickets(connection, before_us))
    removed = number = late = 0
    while late < _LATE_ROWS:
        began_s, first = clock.elapsed_s(), number

        def work(connection: sa.Connection, first: int = first) -> tuple[int, int, int]:
            return _prune_after(connection, first, before_us, rows)

        number, seen, gone = await writer.commit(work)
        if not seen:
            break
        removed, late = removed + gone, 0 if gone else late + seen
        await asyncio.sleep(clock.elapsed_s() - began_s)
    return removed


def _prune_after(connection: sa.Connection, number: int, before_us: int, rows: int) -> tuple[int, int, int]:
    """Returns the last number looked at, how many events were, and how many of them were removed."""
    c = _events.c
    query = sa.select(c.number).where(c.number > number).order_by(c.number).limit(rows)
    numbers = connection.scalars(query).all()
    if not numbers:
        return number, 0, 0
    these = sa.delete(_events).where(c.number > number, c.number <= numbers[-1], c.at_us < before_us)
    return numbers[-1], len(numbers), connection.execute(these).rowcount


def _prune_tickets(connection: sa.Connection, before_us: int) -> None:
    c = _tickets.c
    connection.execute(sa.delete(_tickets).where(c.state != TicketState.OPEN.value, c.at_us < before_us))
