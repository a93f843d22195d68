"""Opening an SQLite file so that many readers, one writer and a kill at any moment do no harm."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from suffice.errors import OutputError
from suffice.files import writable

_BUSY_MS = 30_000


def connect(path: Path, schema: str) -> sqlite3.Connection:
    """Returns a connection in write-ahead mode to the file, made with the schema where it is new.

    `synchronous = FULL`: a committed record survives a power cut, not only a killed process.

    Raises:
        OutputError: the place cannot be written to, or the file is no database.
    """
    with writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = sqlite3.connect(path, timeout=_BUSY_MS / 1000, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.executescript(schema)
    except sqlite3.Error as error:
        raise OutputError(
            f"cannot use {path} as a ledger: {error}",
            hint="the disk may be full, the place read-only, or the file damaged; move it away to start anew",
        ) from error
    return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Makes what happens inside one unit: all of it is recorded, or nothing.

    Raises:
        OutputError: the database cannot be written to (disk full, read-only).
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        file = connection.execute("PRAGMA database_list").fetchone()[2]
        raise OutputError(
            f"cannot write the ledger {file}: {error}", hint="free the disk, then run the same command again"
        ) from error
