"""The error of a database that cannot be asked, and where it comes from."""

import contextlib
from collections.abc import Iterator

from sqlalchemy import exc

from suffice.serve.errors import CallError


class StoreDown(CallError):  # noqa: N818 - reads as what it is where it is caught
    """The database does not answer, or cannot write: nothing was kept, and nothing is made up."""

    status, code, kind = 503, "store_unavailable", "server_error"


@contextlib.contextmanager
def reaching() -> Iterator[None]:
    """Turns a database's refusal into `StoreDown`, without its statement or its values.

    Raises:
        StoreDown: no connection, a full or read-only disk, a lock that was never freed.
    """
    try:
        yield
    except (exc.DBAPIError, exc.TimeoutError) as error:
        raise StoreDown(
            f"the gateway's database does not answer: {reason(error)}", retry_after_s=5.0
        ) from error


def reason(error: BaseException) -> str:
    """Returns what a driver said, in one line and without the values of the statement."""
    said = str(getattr(error, "orig", None) or error)
    return said.strip().partition("\n")[0] or type(error).__name__
