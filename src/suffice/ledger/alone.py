"""One run at a time in a run folder: two would clear away one another's unfinished work."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from suffice.errors import OutputError
from suffice.files import writable

_FILE = "running.sqlite"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds a run's work folder for this process until the end of the block; a kill frees it at once.

    The lock is SQLite's own on an empty database, which every system has and none leaves behind.

    Raises:
        OutputError: another process holds it, or the folder cannot be written to.
    """
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        connection = sqlite3.connect(folder / _FILE, timeout=0, isolation_level=None)
    except sqlite3.Error as error:
        raise OutputError(f"cannot write {folder / _FILE}: {error}", hint="free the disk") from error
    with contextlib.closing(connection):
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise OutputError(
                    f"another run is at work in {folder.parent}",
                    hint="wait until it has ended, or give this one another place with --out",
                ) from error
            raise OutputError(f"cannot write {folder / _FILE}: {error}", hint="free the disk") from error
        yield
