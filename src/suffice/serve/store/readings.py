"""What pages and reports read from the store: plain data, each reading for one key or for all."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from suffice.serve.store import figures, lookups
from suffice.serve.store.down import reaching
from suffice.serve.store.records import (
    ALWAYS,
    Filter,
    Kept,
    KeptFeedback,
    Latency,
    Money,
    Rate,
    Span,
    Ticket,
    TicketState,
    Traffic,
)

_Rest = ParamSpec("_Rest")
_Result = TypeVar("_Result")


class Readings:
    """Reads the store, in threads, so that the event loop never waits for a disk.

    Every reading takes whose rows may be seen: a key's id sees that key's rows and nobody else's, None
    (for keys with the scope `admin`) sees all. Each raises `StoreDown` where the database cannot be asked.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    async def events(self, key_id: str | None, wanted: Filter | None = None) -> Sequence[Kept]:
        """Returns events, newest first; the next page is `before` the last one's number."""
        return await self._read(lookups.events, key_id, wanted or Filter())

    async def event(self, key_id: str | None, call_id: str) -> Kept | None:
        """Returns the newest event of a call's id; None where there is none that may be seen."""
        return await self._read(lookups.event, key_id, call_id)

    async def traffic(
        self, key_id: str | None, *, span: Span = ALWAYS, bucket_s: int = 3600
    ) -> Sequence[Traffic]:
        """Returns calls by route and tier per stretch of `bucket_s` seconds, oldest first."""
        return await self._read(figures.traffic, key_id, span, bucket_s)

    async def latency(self, key_id: str | None, *, span: Span = ALWAYS) -> Sequence[Latency]:
        """Returns p50, p95 and p99 of answered calls by tier."""
        return await self._read(figures.latency, key_id, span)

    async def money(self, key_id: str | None, *, span: Span = ALWAYS) -> Money:
        """Returns tokens, cost, what the reference would have cost, and the savings, each with its n."""
        return await self._read(figures.money, key_id, span)

    async def escalation(self, key_id: str | None, *, span: Span = ALWAYS) -> Sequence[Rate]:
        """Returns by route how many calls passed a tier that was not trusted, with Wilson's interval."""
        return await self._read(figures.escalation, key_id, span)

    async def quality(self, key_id: str | None, *, span: Span = ALWAYS) -> Sequence[Rate]:
        """Returns by route and tier how many answers were called right.

        The interval may be looked at again and again while feedback arrives (`stats.intervals.betting`;
        over very many, Wilson's: `method` says which). Clients choose what they send feedback on: these
        rates speak of those answers only.
        """
        return await self._read(figures.quality, key_id, span)

    async def feedback(
        self, key_id: str | None, *, before: int | None = None, limit: int = 50
    ) -> Sequence[KeptFeedback]:
        """Returns feedback, newest first; the next page is `before` the last one's number."""
        return await self._read(lookups.feedback, key_id, before, limit)

    async def tickets(
        self, key_id: str | None, *, state: TicketState | None = TicketState.OPEN, limit: int = 50
    ) -> Sequence[Ticket]:
        """Returns tickets of a state (None: of any), oldest first."""
        return await self._read(lookups.tickets, key_id, state, limit)

    async def ticket(self, key_id: str | None, ticket_id: str) -> Ticket | None:
        """Returns one ticket; None where there is none that may be seen."""
        return await self._read(lookups.ticket, key_id, ticket_id)

    async def _read(
        self,
        query: Callable[Concatenate[sa.Connection, _Rest], _Result],
        *arguments: _Rest.args,
        **named: _Rest.kwargs,
    ) -> _Result:
        def read() -> _Result:
            with reaching(), self._engine.connect() as connection:
                return query(connection, *arguments, **named)

        return await asyncio.to_thread(read)
