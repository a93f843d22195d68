"""Where the store is, and how much it holds back in memory."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """Settings of the store.

    `url` is SQLAlchemy's: `sqlite:////var/lib/suffice/store.sqlite` (four slashes: an absolute path) or
    `postgresql://user:password@host/name`, whose password is better given by `PGPASSWORD` or a
    `~/.pgpass`. Events are written `flush_ms` after the first one came, or as soon as `batch_rows` wait.
    At most `queue_rows` events are held while the database does not answer.
    """

    url: str
    flush_ms: float = 200.0
    batch_rows: int = 1000
    queue_rows: int = 100_000
    busy_timeout_ms: int = 10_000
