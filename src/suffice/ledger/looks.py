"""The error-budget account: which rows were ever looked at to certify, and what each look spent."""

from collections.abc import Callable, Sequence
from pathlib import Path

from suffice.clock import Clock, SystemClock
from suffice.ledger.database import connect, transaction
from suffice.ports import Look

_SCHEMA = """
CREATE TABLE IF NOT EXISTS looks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL UNIQUE, number INTEGER NOT NULL,
    alpha REAL NOT NULL, at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS look_rows (
    row TEXT NOT NULL, look INTEGER NOT NULL REFERENCES looks (id), PRIMARY KEY (row, look)
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS looks_stay BEFORE DELETE ON looks
    BEGIN SELECT RAISE(ABORT, 'looks are never taken back'); END;
CREATE TRIGGER IF NOT EXISTS looks_are_final BEFORE UPDATE ON looks
    BEGIN SELECT RAISE(ABORT, 'looks are never changed'); END;
CREATE TRIGGER IF NOT EXISTS look_rows_stay BEFORE DELETE ON look_rows
    BEGIN SELECT RAISE(ABORT, 'looks are never taken back'); END;
"""


class LookBook:
    """The account of one user, across all runs; it holds content keys, never texts."""

    def __init__(self, path: Path, *, clock: Clock | None = None) -> None:
        self._connection = connect(path, _SCHEMA)
        self._clock = clock or SystemClock()

    def close(self) -> None:
        """Closes the database; calling it twice is harmless."""
        self._connection.close()

    def open_look(self, rows: Sequence[str], *, what: str, alpha_of: Callable[[int], float]) -> Look:
        """Returns the look for `what` at these rows, recorded before its result is known.

        Earlier looks count when they share a single row with this one: rows added since do not
        make the old ones fresh. The number is one more than the highest number among them, so
        that a chain of overlapping looks cannot spend more than one budget.
        """
        with transaction(self._connection):
            known = self._connection.execute(
                "SELECT number, alpha FROM looks WHERE what = ?", (what,)
            ).fetchone()
            if known is not None:
                return Look(number=known[0], alpha=known[1])
            self._connection.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (row TEXT PRIMARY KEY)")
            self._connection.execute("DELETE FROM wanted")
            self._connection.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", [(row,) for row in rows])
            (highest,) = self._connection.execute(
                "SELECT COALESCE(MAX(number), 0) FROM looks WHERE id IN"
                " (SELECT look FROM look_rows JOIN wanted USING (row))"
            ).fetchone()
            look = Look(number=highest + 1, alpha=alpha_of(highest + 1))
            cursor = self._connection.execute(
                "INSERT INTO looks (what, number, alpha, at) VALUES (?, ?, ?, ?)",
                (what, look.number, look.alpha, self._clock.now().isoformat()),
            )
            self._connection.execute("INSERT INTO look_rows SELECT row, ? FROM wanted", (cursor.lastrowid,))
        return look
