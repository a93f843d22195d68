"""Judgements of answers kept in the store: the port `Feedback`."""

from typing import Any

import sqlalchemy as sa

from suffice.serve.call import Caller
from suffice.serve.errors import NotFound
from suffice.serve.judgement import Judgement
from suffice.serve.store.rows import microseconds, storable
from suffice.serve.store.schema import events as _events
from suffice.serve.store.schema import feedback as _feedback
from suffice.serve.store.writer import Writer


class FeedbackBook:
    """Keeps what people say of answers."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def keep(self, judgement: Judgement, caller: Caller) -> None:
        """Returns once the judgement is committed; until then it is not acknowledged.

        Raises:
            NotFound: no such call, or one of another key and the caller lacks the scope `admin`.
            StoreDown: status 503, it cannot be kept now.
        """
        request_id = storable(judgement.request_id)

        def work(connection: sa.Connection) -> None:
            call = _call_of(connection, request_id, caller)
            connection.execute(
                sa.insert(_feedback).values(
                    at_us=microseconds(judgement.at),
                    key_id=call.key_id,
                    judge=caller.key_id,
                    request_id=request_id,
                    route=call.route,
                    tier=call.tier,
                    correct=judgement.correct,
                    score=judgement.score,
                    label=None if judgement.label is None else storable(judgement.label),
                    comment=storable(judgement.comment),
                )
            )

        await self._writer.commit(work)


def _call_of(connection: sa.Connection, request_id: str, caller: Caller) -> sa.Row[Any, Any, Any]:
    """Returns owner, route and tier of the newest call of an id: the caller's own before another's."""
    c = _events.c
    query = sa.select(c.key_id, c.route, c.tier).where(c.id == request_id)
    is_own = c.key_id == caller.key_id
    if "admin" not in caller.scopes:
        query = query.where(is_own)
    query = query.order_by(sa.case((is_own, 0), else_=1), c.number.desc()).limit(1)
    found = connection.execute(query).first()
    if found is None:
        raise NotFound(
            f"no call {request_id[:80]!r} of this key is known", code="call_not_found", param="request_id"
        )
    return found
