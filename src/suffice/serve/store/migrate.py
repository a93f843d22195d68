"""Brings a database to the newest schema when it is opened; one gateway at a time."""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from suffice.errors import ArtefactError
from suffice.serve.store.schema import HEAD

_LOCK = 0x5F_1C_E0_01  # PostgreSQL's advisory locks are numbers; this one is ours


def migrate(engine: sa.Engine, *, to: str = HEAD) -> None:
    """Runs the steps a database lacks, all of them or none.

    Other gateways that open the same database wait: SQLite's `BEGIN IMMEDIATE`, PostgreSQL's advisory lock.

    Raises:
        ArtefactError: the database was made by a newer suffice.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        found = version(connection)
        if found == to:
            return
        config = Config()
        config.set_main_option("script_location", "suffice.serve.store:migrations")
        config.attributes["connection"] = connection
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if found is not None and found not in known:
            raise ArtefactError(
                f"the gateway's database has schema {found}, this suffice knows up to {HEAD}",
                hint="install the newer suffice that made it, or give another store",
            )
        command.upgrade(config, to)


def version(connection: sa.Connection) -> str | None:
    """Returns the schema a database has; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()
