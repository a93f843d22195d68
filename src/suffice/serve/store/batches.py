"""Many events written in one transaction, and the mark that says how far an audit log was taken over."""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import orjson
import sqlalchemy as sa
from sqlalchemy import exc

from suffice.serve.event import Event
from suffice.serve.store.rollups import Sums
from suffice.serve.store.rows import EVENT_COLUMNS, of_event
from suffice.serve.store.schema import events as _events
from suffice.serve.store.schema import marks as _marks

# A value the database takes in no form; everything else says that the database cannot be used now.
_BAD_VALUES = (exc.DataError, exc.IntegrityError, exc.InterfaceError, OverflowError, ValueError, TypeError)

_Result = TypeVar("_Result")


class _NotAll(Exception):  # noqa: N818 - it ends a try, and never leaves this module
    """Some of a batch's events are in the database already, or cannot be: nothing of it was kept."""


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


def write(
    engine: sa.Engine, items: Sequence[Item], sums: Sums, then: Callable[[sa.Connection], _Result]
) -> tuple[int, _Result]:
    """Writes events in one transaction, adds them to the sums, and does `then` after them.

    Events that are there already are left alone. Returns how many had impossible values, and what `then`
    returned.
    """
    try:
        try:
            with engine.begin() as connection:
                _insert(connection, items)
                sums.keep(connection, (item.event for item in items))
                return 0, then(connection)
        except _NotAll:  # now what can be undone by itself: that takes twice as long
            with engine.begin() as connection:
                fresh = _unknown(connection, items)
                is_whole = _could(connection, fresh)
                kept = fresh if is_whole else [one for one in fresh if _could(connection, [one])]
                sums.keep(connection, (item.event for item in kept))
                return len(fresh) - len(kept), then(connection)
    except BaseException:
        sums.forget()
        raise


def mark(connection: sa.Connection, log: str, items: Sequence[Item]) -> None:
    """Remembers that every record of a log up to the last of these is in the database."""
    seqs = [item.seq for item in items if item.is_logged and item.seq is not None]
    if seqs:
        signs = _sign(connection.dialect.paramstyle)
        connection.exec_driver_sql(
            f"INSERT INTO marks (log, seq) VALUES ({signs}, {signs})"  # noqa: S608 - signs
            " ON CONFLICT (log) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > marks.seq",
            (log, max(seqs)),
        )


def marked(connection: sa.Connection, log: str) -> int:
    """Returns up to which record a log was taken over; -1 for not at all."""
    seq = connection.scalar(sa.select(_marks.c.seq).where(_marks.c.log == log))
    return -1 if seq is None else seq


def take_over(engine: sa.Engine, source: Source, sums: Sums, *, rows: int) -> Iterator[int]:
    """Writes the events of an audit log after the mark, a batch a transaction; yields each batch's length.

    It ends with the record that is the last when it begins: the log may grow faster than it is read.
    """
    with engine.connect() as connection:
        mark_then = marked(connection, source.log)
    last = source.last()
    items = itertools.takewhile(lambda item: item.seq is None or item.seq <= last, source.after(mark_then))
    while batch := list(itertools.islice(items, rows)):
        write(engine, batch, sums, functools.partial(mark, log=source.log, items=batch))
        yield len(batch)


def _insert(connection: sa.Connection, items: Sequence[Item]) -> None:
    """Writes events that are all new; where one is not, or has impossible values, `_NotAll` undoes them."""
    if not items:
        return
    try:
        rows = [of_event(item.event, item.run, item.seq) for item in items]
        if connection.dialect.name == "postgresql":  # one value in place of 32 a row
            text = orjson.dumps([dict(zip(EVENT_COLUMNS, row, strict=True)) for row in rows]).decode()
            done = connection.exec_driver_sql(_insertion_of_json(connection.dialect), (text,))
        else:
            done = connection.exec_driver_sql(_INSERTION, rows)
    except _BAD_VALUES as error:
        raise _NotAll from error
    if done.rowcount != len(rows):
        raise _NotAll


def _could(connection: sa.Connection, items: Sequence[Item]) -> bool:
    """Says whether all of these were written; else none was."""
    try:
        with connection.begin_nested():
            _insert(connection, items)
    except _NotAll:
        return False
    return True


def _unknown(connection: sa.Connection, items: Sequence[Item]) -> list[Item]:
    """Returns the events that are not in the database, each once."""
    c = _events.c
    known: set[tuple[str, int]] = set()
    by_run: dict[str, list[int]] = {}
    for item in items:
        if item.run is not None and item.seq is not None:
            by_run.setdefault(item.run, []).append(item.seq)
    for run, seqs in by_run.items():
        query = sa.select(c.seq).where(c.run == run, c.seq >= min(seqs), c.seq <= max(seqs))
        known.update((run, seq) for seq in connection.scalars(query))
    fresh = []
    for item in items:
        if item.run is None or item.seq is None:
            fresh.append(item)
        elif (item.run, item.seq) not in known:
            known.add((item.run, item.seq))
            fresh.append(item)
    return fresh


# As the drivers take them: rows of plain values pass SQLAlchemy by.
_INSERTION = (
    f"INSERT INTO events ({', '.join(EVENT_COLUMNS)}) VALUES ({', '.join('?' * len(EVENT_COLUMNS))})"  # noqa: S608
    " ON CONFLICT (run, seq) DO NOTHING"
)


@functools.cache
def _insertion_of_json(dialect: sa.Dialect) -> str:
    """Returns the statement that takes a batch as one JSON array: PostgreSQL's driver is asked once."""
    names = ", ".join(EVENT_COLUMNS)
    types = ", ".join(f"{name} {_events.c[name].type.compile(dialect)}" for name in EVENT_COLUMNS)
    return (
        f"INSERT INTO events ({names}) SELECT {names}"  # noqa: S608 - names and types
        f" FROM json_to_recordset(CAST(%s AS json)) AS given({types}) ON CONFLICT (run, seq) DO NOTHING"
    )


def _sign(paramstyle: str) -> str:
    return "%s" if paramstyle in {"format", "pyformat"} else "?"
