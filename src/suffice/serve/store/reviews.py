"""The review queue kept in the store: calls that wait for a person, and what the person says."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import orjson
import sqlalchemy as sa

from suffice.clock import Clock
from suffice.serve.call import Call, Caller
from suffice.serve.errors import BadCall, LimitReached, NotFound, TierFailed
from suffice.serve.reply import Step
from suffice.serve.steps import to_json
from suffice.serve.store.down import StoreDown
from suffice.serve.store.lookups import to_ticket
from suffice.serve.store.records import Ticket, TicketState
from suffice.serve.store.rows import microseconds, storable
from suffice.serve.store.schema import tickets as _tickets
from suffice.serve.store.writer import Writer


class Reviews:
    """Keeps tickets: the port `ReviewQueue`, and what the pages do with them.

    At most `most_open` wait at a time; `patience` is how long a ticket waits, None for ever.
    """

    def __init__(
        self, writer: Writer, clock: Clock, *, most_open: int = 10_000, patience: timedelta | None = None
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._most_open = most_open
        self._patience = patience

    async def add(self, call: Call, steps: Sequence[Step]) -> str:
        """Returns the ticket of a call that was queued; it is committed by then.

        Raises:
            TierFailed: it could not be kept.
            LimitReached: too many calls wait already.
        """
        now = self._clock.now()
        ticket = f"tkt_{secrets.token_hex(12)}"
        values = {
            "id": ticket,
            "at_us": microseconds(now),
            "key_id": call.caller.key_id,
            "route": call.route,
            "call_id": storable(call.id),
            "body": storable(orjson.dumps(call.body).decode()),
            "steps": to_json(steps).decode(),
            "state": TicketState.OPEN.value,
            "expires_us": None if self._patience is None else microseconds(now + self._patience),
        }

        def work(connection: sa.Connection) -> str:
            is_open = _tickets.c.state == TicketState.OPEN.value
            waiting = connection.scalar(sa.select(sa.func.count()).where(is_open)) or 0
            if waiting >= self._most_open:
                raise LimitReached(f"{waiting} calls wait for a person already", code="review_queue_full")
            connection.execute(sa.insert(_tickets).values(**values))
            return ticket

        try:
            return await self._writer.commit(work)
        except StoreDown as error:
            raise TierFailed(f"the review queue cannot take the call: {error.message}") from error

    async def answer(self, ticket_id: str, answer: str, *, by: Caller) -> Ticket:
        """Returns the ticket as it is once answered; the first answer stays.

        Raises:
            NotFound: no such ticket.
            BadCall: status 409, it was answered already or has expired.
            StoreDown: it cannot be kept now.
        """
        change = {
            "state": TicketState.ANSWERED.value,
            "answer": storable(answer),
            "answered_by": by.key_id,
            "answered_us": microseconds(self._clock.now()),
        }

        def work(connection: sa.Connection) -> Ticket:
            _expire(connection, self._clock.now())
            is_this = _tickets.c.id == storable(ticket_id)
            is_open = _tickets.c.state == TicketState.OPEN.value
            is_changed = connection.execute(
                sa.update(_tickets).where(is_this, is_open).values(change)
            ).rowcount
            row = connection.execute(sa.select(_tickets).where(is_this)).mappings().first()
            if row is None:
                raise NotFound(f"there is no ticket {ticket_id[:80]!r}", code="ticket_not_found")
            if not is_changed:
                raise BadCall(f"this ticket is {row['state']} already", code="ticket_closed", status=409)
            return to_ticket(row)

        return await self._writer.commit(work)

    async def expire(self) -> int:
        """Closes the tickets that waited too long, and returns how many."""
        return await self._writer.commit(lambda connection: _expire(connection, self._clock.now()))


def _expire(connection: sa.Connection, now: datetime) -> int:
    c = _tickets.c
    is_late = sa.and_(c.state == TicketState.OPEN.value, c.expires_us <= microseconds(now))
    change = sa.update(_tickets).where(is_late).values(state=TicketState.EXPIRED.value)
    return connection.execute(change).rowcount
