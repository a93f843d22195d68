"""The schema: what the migrations make is what the program reads; old databases are brought along."""

import asyncio
import concurrent.futures

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from suffice.clock import FakeClock
from suffice.errors import ArtefactError, OutputError, SpecError
from suffice.serve.store import database, migrate
from suffice.serve.store.opened import open_store
from suffice.serve.store.rows import EVENT_COLUMNS, of_event
from suffice.serve.store.schema import HEAD, metadata
from suffice.serve.store.settings import StoreSettings
from tests.unit.serve.made_events import NOON, made_event, made_events


def test_the_migrations_make_the_schema_that_is_read(settings):
    """Not a column, type or index apart."""
    engine = database.engine(settings)
    migrate.migrate(engine)
    with engine.connect() as connection:
        found = compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), metadata
        )
        constraints = {c["name"] for c in sa.inspect(connection).get_unique_constraints("events")}
    engine.dispose()
    assert ([], {"events_of_run"}) == (found, constraints)


def test_the_newest_schema_is_the_last_migration():
    """`HEAD` says so without alembic's being asked at each start."""
    folder = str(migrate.__file__).replace("migrate.py", "migrations")
    assert [HEAD] == ScriptDirectory(folder).get_heads()


def test_a_database_of_version_1_is_brought_along_with_its_data(settings):
    """Events written by the first release are there after the upgrade."""
    engine = database.engine(settings)
    migrate.migrate(engine, to="0001")
    columns = [name for name in EVENT_COLUMNS if name != "ticket"]
    table = sa.table("events", *(sa.column(name) for name in columns))
    with engine.begin() as connection:
        for event in made_events(3):
            values = dict(zip(EVENT_COLUMNS, of_event(event, None, None), strict=True))
            connection.execute(sa.insert(table).values({name: values[name] for name in columns}))
    engine.dispose()
    with open_store(settings, FakeClock(NOON)) as store:
        found = asyncio.run(store.readings.events(None))
        assert made_events(3)[::-1] == [kept.event for kept in found]
        store.writer.put(made_event(4, ticket="tkt"), run=None, seq=None, is_logged=False)
        asyncio.run(store.keys.find("x"))
        assert "tkt" == asyncio.run(store.readings.event(None, "req_4")).event.ticket
        assert [] == asyncio.run(store.readings.tickets(None))


def test_a_database_newer_than_the_program_is_refused(settings):
    """It says which versions, and nothing is changed."""
    open_store(settings, FakeClock(NOON)).close()
    engine = database.engine(settings)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(ArtefactError, match="schema 9999, this suffice knows up to"):
        open_store(settings, FakeClock(NOON))


def test_gateways_that_start_together_migrate_once(settings):
    """Four at a time, none fails."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: open_store(settings, FakeClock(NOON)), range(4)))
    for store in stores:
        store.close()
    assert 4 == len(stores)


@pytest.mark.parametrize("url", ["mysql://x@y/z", "sqlite://", "nonsense"])
def test_an_address_that_is_none_is_told(url):
    """With what was expected."""
    with pytest.raises(SpecError) as raised:
        open_store(StoreSettings(url=url), FakeClock(NOON))
    assert "sqlite:////" in raised.value.hint


def test_a_file_that_is_no_database_is_told(tmp_path):
    """An error in words, not a driver's traceback."""
    (tmp_path / "store.sqlite").write_bytes(b"this is no database" * 1000)
    with pytest.raises(OutputError, match="cannot open the store"):
        open_store(StoreSettings(url=f"sqlite:///{tmp_path}/store.sqlite"), FakeClock(NOON))


def test_a_password_is_never_shown():
    """Nor in the errors of a server that is not there."""
    url = "postgresql://me:hush@localhost:1/db"
    assert "hush" not in database.shown(url)
    with pytest.raises(OutputError) as raised:
        open_store(StoreSettings(url=url), FakeClock(NOON))
    assert "hush" not in raised.value.message
