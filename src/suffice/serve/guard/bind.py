"""Where a gateway may listen, and the first key, without which it listens on this machine only."""

from datetime import datetime

from suffice.errors import SpecError
from suffice.models.http.endpoint import is_loopback
from suffice.serve.guard.secret import new_key
from suffice.serve.ports import KeyStore

# What its owner needs on the first day; `admin` is given by `suffice keys create` only.
_FIRST_SCOPES = frozenset({"call", "feedback", "review", "tiers", "view"})


async def check_bind(host: str, keys: KeyStore) -> str | None:
    """Returns what to warn of before listening on an address; None where it is this machine's own.

    Raises:
        SpecError: other machines could reach it, and there is no key yet.
    """
    if is_loopback(host):
        return None
    if not await has_keys(keys):
        raise SpecError(
            f"listen: {host} can be reached by other machines, and there is no key yet",
            hint="type `suffice keys create NAME` first, or listen on 127.0.0.1",
        )
    return (
        f"{host} can be reached by other machines: keys and texts travel in the clear unless "
        "a proxy with TLS stands in front (docs/site-file.md)"
    )


async def has_keys(keys: KeyStore) -> bool:
    """Says whether there is a key that was not revoked."""
    return any(key.revoked_at is None for key in await keys.all_keys())


async def first_key(keys: KeyStore, *, at: datetime) -> str | None:
    """Returns a new key, to be shown once, where there was never one; else None."""
    if await keys.all_keys():
        return None
    key, shown = new_key("first", at=at, scopes=_FIRST_SCOPES)
    await keys.add(key)
    return shown
