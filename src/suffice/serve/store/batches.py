"""Many events written in one transaction, and the mark that says how far an audit log was taken over."""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy import exc

from suffice.serve.event import Event
from suffice.serve.store.rows import EVENT_COLUMNS, of_event
from suffice.serve.store.schema import events as _events
from suffice.serve.store.schema import marks as _marks

# A value the database takes in no form; everything else says that the database cannot be used now.
_BAD_VALUES = (exc.DataError, exc.IntegrityError, exc.InterfaceError, OverflowError, ValueError, TypeError)


class Item(NamedTuple):
    """An event to write: `run` and `seq` say where in an audit log it stands, `is_logged` that it does."""

    event: Event
    run: str | None
    seq: int | None
    is_logged: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """An audit log to take events over from.

    Its name, its records after a sequence number, and the number of its last record now.
    """

    log: str
    after: Callable[[int], Iterator[Item]]
    last: Callable[[], int]


def insert(connection: sa.Connection, items: Sequence[Item]) -> int:
    """Writes events, those that are there already left alone; returns how many had impossible values."""
    if not items:
        return 0
    if _insert(connection, items):
        return 0
    return sum(not _insert(connection, [item]) for item in items)


def mark(connection: sa.Connection, log: str, items: Sequence[Item]) -> None:
    """Remembers that every record of a log up to the last of these is in the database."""
    seqs = [item.seq for item in items if item.is_logged and item.seq is not None]
    if seqs:
        _set_mark(connection, log, max(seqs))


def marked(connection: sa.Connection, log: str) -> int:
    """Returns up to which record a log was taken over; -1 for not at all."""
    seq = connection.scalar(sa.select(_marks.c.seq).where(_marks.c.log == log))
    return -1 if seq is None else seq


def take_over(engine: sa.Engine, source: Source, *, rows: int) -> Iterator[int]:
    """Writes the events of an audit log after the mark, a batch a transaction; yields each batch's length.

    It ends with the record that is the last when it begins: the log may grow faster than it is read.
    """
    with engine.connect() as connection:
        mark_then = marked(connection, source.log)
    last = source.last()
    items = itertools.takewhile(lambda item: item.seq is None or item.seq <= last, source.after(mark_then))
    while batch := list(itertools.islice(items, rows)):
        with engine.begin() as connection:
            insert(connection, batch)
            mark(connection, source.log, batch)
        yield len(batch)


def _insert(connection: sa.Connection, items: Sequence[Item]) -> bool:
    """Says whether all of these were written; else none was."""
    try:
        rows = [of_event(item.event, item.run, item.seq) for item in items]
        with connection.begin_nested():
            connection.exec_driver_sql(_insertion(connection.dialect.paramstyle), rows)
    except _BAD_VALUES:
        return False
    return True


def _set_mark(connection: sa.Connection, log: str, seq: int) -> None:
    known = marked(connection, log)
    if known < 0:
        connection.execute(sa.insert(_marks).values(log=log, seq=seq))
    elif seq > known:
        connection.execute(sa.update(_marks).where(_marks.c.log == log).values(seq=seq))


@functools.cache
def _insertion(paramstyle: str) -> str:
    """Returns the statement as the driver takes it: rows of plain values pass SQLAlchemy by."""
    sign = "%s" if paramstyle in {"format", "pyformat"} else "?"
    signs = ", ".join([sign] * len(EVENT_COLUMNS))
    return (
        f"INSERT INTO {_events.name} ({', '.join(EVENT_COLUMNS)}) VALUES ({signs})"  # noqa: S608 - names and signs
        " ON CONFLICT (run, seq) DO NOTHING"
    )
