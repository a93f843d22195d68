"""The databases the store's contract is held against: SQLite, and a real PostgreSQL where there is one."""

import pytest

from suffice.clock import FakeClock
from suffice.serve.store.opened import open_store
from suffice.serve.store.settings import StoreSettings
from tests.gateway import postgres
from tests.unit.serve.made_events import NOON


@pytest.fixture(scope="session")
def postgres_server():
    """A PostgreSQL for this test run."""
    if why := postgres.missing():
        pytest.skip(why)
    with postgres.server() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request, tmp_path):
    """The address of an empty database, of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.sqlite"
    return request.getfixturevalue("postgres_server").new_url()


@pytest.fixture
def settings(url):
    """Settings that write at once."""
    return StoreSettings(url=url, flush_ms=1.0)


@pytest.fixture
def store(settings):
    """An open store."""
    with open_store(settings, FakeClock(NOON)) as opened:
        yield opened
