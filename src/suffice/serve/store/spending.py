"""What keys have used up, summed from the kept events: the port `Spending`."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from suffice.serve.key import Spent
from suffice.serve.store.rows import microseconds
from suffice.serve.store.schema import events as _events
from suffice.serve.store.writer import Writer


class KeptSpending:
    """Sums over the events of every gateway that writes to this database."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def spent_since(self, since: datetime) -> Mapping[str, Spent]:
        """Returns per key id what its calls used that ended at `since` or later; {} for no calls.

        Raises:
            StoreDown: the database cannot be reached.
        """
        c = _events.c
        tokens = sa.func.coalesce(c.input_tokens, 0) + sa.func.coalesce(c.output_tokens, 0)
        left = sa.and_(c.status == CLIENT_LEFT, c.route != "")
        query = (
            sa.select(
                c.key_id,
                sa.func.count().label("requests"),
                sa.func.sum(tokens).label("tokens"),
                sa.func.coalesce(sa.func.sum(c.cost_usd), 0.0).label("usd"),
            )
            .where(c.at_us >= microseconds(since), sa.or_(c.status < 400, c.status >= 500, left))
            .group_by(c.key_id)
        )

        def work(connection: sa.Connection) -> Mapping[str, Spent]:
            return {
                row.key_id: Spent(requests=row.requests, tokens=int(row.tokens), usd=float(row.usd))
                for row in connection.execute(query)
            }

        return await self._writer.commit(work)
