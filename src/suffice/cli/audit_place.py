"""Which audit log a command means, and the key to check it with."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

place_of = click.argument("place", required=False, type=click.Path(path_type=Path))
anchor_of = click.option(
    "--anchor", type=click.Path(path_type=Path), help="The anchor's file  [default: the one the log names]"
)


def found(place: Path | None, home: Path | None) -> Path:
    """Returns the folder of a log's files, or an exported file; a gateway's home may be given for it.

    Raises:
        UsageError: there is none, or both were given.
        MissingExtra: the packages of the gateway are not installed.
    """
    from suffice.extras import require

    require("orjson", extra="serve", feature="suffice audit-log")
    if place is not None and home is not None:
        raise click.UsageError("give PLACE or --home, not both")
    if place is None:
        from suffice.serve.site.places import usual_home

        place = (usual_home() if home is None else home.expanduser()) / "audit"
    if not place.exists():
        raise click.UsageError(
            f"there is no audit log at {place}: give its folder, or a file made by `export`"
        )
    within = place / "audit"
    return within if within.is_dir() else place  # the gateway's home was given


def keys_beside(place: Path) -> Path:
    """Returns the folder of the keys that a gateway's log was signed with."""
    return place.resolve().parent / "keys"


def trusted(place: Path, key: Path | None) -> "Ed25519PublicKey":
    """Returns the key to check with; one beside the log only where none is given."""
    from suffice.certify.signature import public_key

    if key is None:
        key = keys_beside(place) / "ed25519.pub.pem"
        if not key.exists():
            raise click.UsageError(f"there is no key at {key}: give the gateway's public key with --key FILE")
    return public_key(key)


def time_of(text: str | None) -> datetime | None:
    """Returns the time that was typed, in UTC where no zone was; None for None.

    Raises:
        BadParameter: it is no time in ISO 8601.
    """
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no time: write e.g. 2026-11-20T08:30:00Z") from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
