"""Where a gateway keeps its things unless a site file says otherwise."""

from pathlib import Path

from suffice.errors import SpecError
from suffice.ledger.home import home as user_home
from suffice.serve.store.settings import StoreSettings


def usual_home() -> Path:
    """Returns the folder of store, audit log and keys."""
    return user_home().resolve() / "gateway"


def store_in(home: Path) -> StoreSettings:
    """Returns where events and clients' keys are kept in a gateway's folder.

    Raises:
        SpecError: as `embedded_store`.
    """
    return StoreSettings(url=embedded_store(home))


def embedded_store(home: Path) -> str:
    """Returns the address of the SQLite store in a gateway's folder.

    Raises:
        SpecError: the folder's name has a question mark, which ends the path of an address.
    """
    if "?" in str(home):
        raise SpecError(f"the gateway's folder {home} has a ? in its name", hint="name another one as `home`")
    return f"sqlite:///{home / 'gateway.sqlite'}"
