"""`suffice audit-log prune`: old files of the log removed, and what they were signed."""

import dataclasses
from datetime import datetime
from pathlib import Path

import click

from suffice.cli.audit_place import anchor_of, found, keys_beside, place_of, time_of, trusted
from suffice.cli.options import Common, common, of_home


@click.command()
@place_of
@of_home
@click.option("--before", required=True, metavar="TIME", help="Remove what was written before (ISO 8601).")
@click.option("--events", is_flag=True, help="Remove such calls from the store too, a few at a time.")
@click.option(
    "--site",
    type=click.Path(path_type=Path),
    help="Site file that names the store  [default: the store beside the log]",
)
@anchor_of
@common
def prune(  # noqa: PLR0913 - one parameter an option
    *,
    place: Path | None,
    home: Path | None,
    before: str,
    events: bool,
    site: Path | None,
    anchor: Path | None,
    common: Common,
) -> int:
    """Remove old files of the log for good, and sign what they were.

    Only whole files go whose records all were written before TIME, and never the newest; the gateway may
    be running. `verify` says from then on what was removed, and `prove` speaks of the rest alone. Export a
    window first to keep it. A log that does not verify is not pruned.
    """
    from suffice.certify.signature import keys_in
    from suffice.clock import SystemClock
    from suffice.serve.audit import pruning

    at = time_of(before)
    if at is None or at > SystemClock().now():
        raise click.BadParameter(
            f"{before} is not past: give a time before now, e.g. 2026-08-01", param_hint="--before"
        )
    if site is not None and not events:
        raise click.UsageError("--site names the store of --events: give both")
    place = found(place, home)
    if place.is_file():
        raise click.UsageError(f"{place} is an export: only a gateway's own log is pruned")
    trusted(place, None)
    removal, files = pruning.prune(
        place, keys_in(keys_beside(place)), SystemClock(), before=at, anchor=anchor
    )
    gone = _prune_store(place, site, at) if events else None
    value = {"files": files, "removed": removal and dataclasses.asdict(removal), "events": gone}
    told = (
        f"nothing to remove: no whole file of the log was written before {at.isoformat()}"
        if removal is None
        else f"removed records {removal.first_seq} to {removal.last_seq} ({removal.calls} calls, "
        f"{removal.first_at} to {removal.last_at}) in {files} files; their chain ended in {removal.head}"
    )
    common.give(value, told if gone is None else f"{told}\nremoved {gone} calls from the store")
    return 0


def _prune_store(place: Path, site: Path | None, before: datetime) -> int:
    """Removes calls from the store of a site, or from the one beside a log; returns how many."""
    import asyncio

    from suffice.clock import SystemClock
    from suffice.serve.site.places import store_in
    from suffice.serve.site.read import site_of
    from suffice.serve.store.opened import open_store
    from suffice.serve.store.pruning import prune

    settings = store_in(place.resolve().parent) if site is None else site_of(site).store
    with open_store(settings, SystemClock()) as store:
        return asyncio.run(prune(store.writer, before, SystemClock()))
