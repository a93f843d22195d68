"""What keys have used up, from the sums over kept events: the port `Spending`."""

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from suffice.serve.key import Spent
from suffice.serve.store import rollups
from suffice.serve.store.records import Span
from suffice.serve.store.schema import rollups as _rollups
from suffice.serve.store.writer import Writer


class KeptSpending:
    """Sums over the events of every gateway that writes to this database."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def spent_since(self, since: datetime) -> Mapping[str, Spent]:
        """Returns per key id what calls used that ended in the minute of `since` or later; {} for none.

        Raises:
            StoreDown: the database cannot be reached.
        """
        c = _rollups.c

        def work(connection: sa.Connection) -> Mapping[str, Spent]:
            query = (
                sa.select(
                    c.whose,
                    sa.func.sum(c.counted).label("requests"),
                    sa.func.sum(c.counted_tokens).label("tokens"),
                    sa.func.sum(c.counted_usd).label("usd"),
                )
                .where(
                    c.whose != rollups.EVERYBODY,
                    c.counted > 0,
                    *rollups.within(connection, Span(since=since)),
                )
                .group_by(c.whose)
            )
            return {
                row.whose[1:]: Spent(requests=int(row.requests), tokens=int(row.tokens), usd=float(row.usd))
                for row in connection.execute(query)
            }

        return await self._writer.commit(work)
