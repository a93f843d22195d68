"""The opened store: one object that holds its writer and hands out its ports."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import sqlalchemy as sa
from sqlalchemy import exc

from suffice.clock import Clock
from suffice.errors import OutputError
from suffice.serve.store import database, rollups
from suffice.serve.store.batches import Source
from suffice.serve.store.down import reason
from suffice.serve.store.judgements import FeedbackBook
from suffice.serve.store.keyring import Keyring
from suffice.serve.store.migrate import migrate
from suffice.serve.store.readings import Readings
from suffice.serve.store.reviews import Reviews
from suffice.serve.store.settings import StoreSettings
from suffice.serve.store.spending import KeptSpending
from suffice.serve.store.writer import Writer


@dataclass(frozen=True, kw_only=True)
class Store:
    """Everything the gateway keeps, behind the ports that its rooms know."""

    writer: Writer
    readings: Readings
    keys: Keyring
    spending: KeptSpending
    feedback: FeedbackBook
    reviews: Reviews
    engines: tuple[sa.Engine, sa.Engine]

    def close(self) -> int:
        """Writes what waits, closes the database, and returns how many events it did not take."""
        left = self.writer.close()
        for engine in self.engines:
            engine.dispose()
        return left

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_store(
    settings: StoreSettings,
    clock: Clock,
    *,
    source: Source | None = None,
    most_open: int = 10_000,
    patience: timedelta | None = None,
) -> Store:
    """Returns the store, its schema brought to the newest; `source` is the audit log to take over from.

    Raises:
        SpecError: an address that is none.
        ArtefactError: a database that a newer suffice made.
        OutputError: a database that cannot be reached or written to now.
    """
    engine, reading = database.engine(settings), database.engine(settings, reads_only=True)
    try:
        migrate(engine)
        rollups.fill(engine)
    except BaseException as error:
        engine.dispose()
        if not isinstance(error, exc.DBAPIError):
            raise
        raise OutputError(
            f"cannot open the store {database.shown(settings.url)}: {reason(error)}",
            hint="check that the database runs and that it may be written to",
        ) from error
    writer = Writer(engine, settings, source)
    return Store(
        writer=writer,
        readings=Readings(reading),
        keys=Keyring(writer),
        spending=KeptSpending(writer),
        feedback=FeedbackBook(writer),
        reviews=Reviews(writer, clock, most_open=most_open, patience=patience),
        engines=(engine, reading),
    )
