"""Keys kept in the store: the port `KeyStore`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

import orjson
import sqlalchemy as sa
from sqlalchemy import exc

from suffice.errors import OutputError
from suffice.serve.key import Key, Limits
from suffice.serve.store.rows import (
    maybe_microseconds,
    maybe_moment,
    microseconds,
    moment,
    storable,
)
from suffice.serve.store.schema import keys as _keys
from suffice.serve.store.writer import Writer


class Keyring:
    """Keeps keys; every method raises `StoreDown` where the database cannot be reached.

    Reading goes through the writer too: a key that was just added or revoked is seen as such.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def add(self, key: Key) -> None:
        """Keeps a new key; it is committed before this returns.

        Raises:
            OutputError: there is one of this id.
        """

        def work(connection: sa.Connection) -> None:
            try:
                connection.execute(sa.insert(_keys).values(**_row(key)))
            except exc.IntegrityError as error:
                raise OutputError(f"there is a key {key.id} already", hint="make it anew") from error

        await self._writer.commit(work)

    async def find(self, key_id: str) -> Key | None:
        """Returns the key of a public id, revoked ones too; None where there is none."""
        wanted = storable(key_id)

        def work(connection: sa.Connection) -> Key | None:
            row = connection.execute(sa.select(_keys).where(_keys.c.id == wanted)).mappings().first()
            return None if row is None else _key(row)

        return await self._writer.commit(work)

    async def all_keys(self) -> Sequence[Key]:
        """Returns every key, revoked ones too, oldest first."""

        def work(connection: sa.Connection) -> Sequence[Key]:
            query = sa.select(_keys).order_by(_keys.c.created_us, _keys.c.id)
            return [_key(row) for row in connection.execute(query).mappings()]

        return await self._writer.commit(work)

    async def revoke(self, key_id: str, *, at: datetime) -> bool:
        """Marks a key as revoked, for good; the first time stays. False where there is no such key."""
        revoked_us = sa.func.coalesce(_keys.c.revoked_us, microseconds(at))
        change = sa.update(_keys).where(_keys.c.id == storable(key_id)).values(revoked_us=revoked_us)
        return await self._writer.commit(lambda connection: connection.execute(change).rowcount > 0)

    async def touch(self, used: Mapping[str, datetime]) -> None:
        """Remembers when keys were last used, by id; a later time that is known already stays."""

        def work(connection: sa.Connection) -> None:
            for key_id, at in sorted(used.items()):  # in one order, so that two gateways never wait crosswise
                at_us = microseconds(at)
                is_later = sa.or_(_keys.c.last_used_us.is_(None), _keys.c.last_used_us < at_us)
                change = sa.update(_keys).where(_keys.c.id == key_id, is_later)
                connection.execute(change.values(last_used_us=at_us))

        await self._writer.commit(work)


def _row(key: Key) -> dict[str, object]:
    return {
        "id": key.id,
        "name": storable(key.name),
        "secret_sha256": key.secret_sha256,
        "created_us": microseconds(key.created_at),
        "scopes": orjson.dumps(sorted(key.scopes)).decode(),
        "models": orjson.dumps(sorted(key.models)).decode(),
        "limits": orjson.dumps(asdict(key.limits)).decode(),
        "revoked_us": maybe_microseconds(key.revoked_at),
        "last_used_us": maybe_microseconds(key.last_used_at),
    }


def _key(row: sa.RowMapping) -> Key:
    return Key(
        id=row["id"],
        name=row["name"],
        secret_sha256=row["secret_sha256"],
        created_at=moment(row["created_us"]),
        scopes=frozenset(orjson.loads(row["scopes"])),
        models=frozenset(orjson.loads(row["models"])),
        limits=Limits(**orjson.loads(row["limits"])),
        revoked_at=maybe_moment(row["revoked_us"]),
        last_used_at=maybe_moment(row["last_used_us"]),
    )
