"""Engines for the two databases the store knows, each with what it needs set."""

import sqlite3
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event

from suffice import extras
from suffice.errors import SpecError
from suffice.files import writable
from suffice.serve.store.settings import StoreSettings

_SQLITE, _POSTGRESQL = "sqlite", "postgresql"


def engine(settings: StoreSettings, *, reads_only: bool = False) -> sa.Engine:
    """Returns an engine; its transactions write (SQLite: `BEGIN IMMEDIATE`), unless it only reads.

    Raises:
        SpecError: an address of another kind of database, or none at all.
        MissingExtra: the driver of PostgreSQL is not installed.
        OutputError: the folder of SQLite's file cannot be made.
    """
    url = _url(settings.url)
    if url.get_backend_name() == _POSTGRESQL:
        extras.require("psycopg", extra="postgres", feature="a store in PostgreSQL")
        return sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"connect_timeout": 5, "application_name": "suffice"},
            execution_options={"postgresql_readonly": True} if reads_only else {},
        )
    place = Path(str(url.database))
    with writable(place):
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.touch(mode=0o600)  # SQLite gives the files beside it the same mode
    patience = {"timeout": settings.busy_timeout_ms / 1000}
    made = sa.create_engine(url, hide_parameters=True, connect_args=patience)
    _prepare_sqlite(made, reads_only=reads_only)
    return made


def shown(url: str) -> str:
    """Returns a database's address without its password."""
    return _url(url).render_as_string(hide_password=True)


def _url(text: str) -> sa.URL:
    expected = "sqlite:////absolute/path/store.sqlite or postgresql://user@host/database"
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError as error:
        raise SpecError("the store's address is no URL of a database", hint=f"expected {expected}") from error
    if url.get_backend_name() not in {_SQLITE, _POSTGRESQL}:
        raise SpecError(f"the store cannot be a {url.get_backend_name()!r}", hint=f"expected {expected}")
    if url.get_backend_name() == _SQLITE and url.database in {None, "", ":memory:"}:
        raise SpecError("the store needs a file: in memory nothing survives", hint=f"expected {expected}")
    return url


def _prepare_sqlite(made: sa.Engine, *, reads_only: bool) -> None:
    """Sets what SQLite needs at each connection, and lets SQLAlchemy begin its transactions."""

    @event.listens_for(made, "connect")
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA query_only = {reads_only}")
        # NORMAL: a commit is in the operating system's hands, so it survives the end of this process
        # by any signal; a power cut may take the newest commits back, and never damages the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")  # pages, 16 MB: fewer are written twice

    @event.listens_for(made, "begin")
    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")
