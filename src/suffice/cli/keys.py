"""`suffice keys`: the keys that a gateway's clients show."""

import asyncio
import dataclasses
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from suffice.cli.options import Common, common, of_home

if TYPE_CHECKING:
    from suffice.serve.key import Key, Limits
    from suffice.serve.store.opened import Store

_Function = TypeVar("_Function", bound=Callable[..., Any])
# Named here too, so that --help needs no package of the gateway; a test compares.
_SCOPES = ("call", "feedback", "review", "view", "admin", "tiers")

_of_site = click.option(
    "--site",
    type=click.Path(path_type=Path),
    help="Site file whose store holds the keys  [default: the gateway of this user]",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def keys() -> None:
    """Make, list and revoke the keys of a gateway's clients."""


def _limits(function: _Function) -> _Function:
    for what, kind in (("usd", click.FloatRange(min=0)), ("tokens", click.IntRange(min=0))):
        for per in ("day", "minute"):
            words = {"usd": "US dollars it may cost", "tokens": "Tokens it may read and write"}[what]
            function = click.option(f"--{what}-per-{per}", type=kind, help=f"{words} a {per}.")(function)
    for per in ("day", "minute"):
        told = f"Calls it may make a {per}."
        function = click.option(f"--requests-per-{per}", type=click.IntRange(min=0), help=told)(function)
    return function


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(_SCOPES),
    help="What it may do; may be given several times  [default: call]",
)
@click.option("--model", "models", multiple=True, help="Model it may call; several times  [default: all]")
@_limits
@_of_site
@of_home
@common
def create(
    *,
    name: str,
    scopes: tuple[str, ...],
    models: tuple[str, ...],
    site: Path | None,
    home: Path | None,
    common: Common,
    **limits: Any,
) -> int:
    """Make a key for the client NAME, and show it: this once, and never again."""
    from suffice.clock import SystemClock
    from suffice.serve.guard.secret import new_key
    from suffice.serve.key import Limits

    if not name.strip() or not name.isprintable() or len(name) > 200:
        raise click.BadParameter("it is a word or two that tell the client from others", param_hint="NAME")
    for name_of_limit, value in limits.items():
        if value is not None and not math.isfinite(value):
            option = f"--{name_of_limit.replace('_', '-')}"
            raise click.BadParameter(f"{value} is no limit", param_hint=option)
    _check_models(site, models)
    key, shown = new_key(
        name.strip(),
        at=SystemClock().now(),
        scopes=frozenset(scopes or ("call",)),
        models=frozenset(models),
        limits=Limits(**limits),
    )
    with _store(site, home) as store:
        asyncio.run(store.keys.add(key))
    common.give({**_told(key), "key": shown}, shown)
    common.say(f"This is the only time it is shown. Clients send it as their API key; its id is {key.id}.")
    return 0


@keys.command("list")
@_of_site
@of_home
@common
def list_(site: Path | None, home: Path | None, common: Common) -> int:
    """List the keys: what they may do, when they were used last. No secret is kept to be shown."""
    with _store(site, home) as store:
        found = asyncio.run(store.keys.all_keys())
    lines = [_line(key) for key in found] or ["there is no key; `suffice keys create NAME` makes one"]
    common.give({"keys": [_told(key) for key in found]}, "\n".join(lines))
    return 0


@keys.command()
@click.argument("key_id", metavar="ID")
@_of_site
@of_home
@common
def revoke(key_id: str, site: Path | None, home: Path | None, common: Common) -> int:
    """Revoke the key of this public ID, for good; running gateways refuse it within 5 seconds."""
    from suffice.clock import SystemClock

    whole = re.fullmatch(r"sk-sf-([a-z2-7]+)(?:-.*)?", key_id)
    public = whole[1] if whole else key_id
    with _store(site, home) as store:
        is_there = asyncio.run(store.keys.revoke(public, at=SystemClock().now()))
    if not is_there:
        raise click.BadParameter(
            f"there is no key {public!r}; `suffice keys list` names them", param_hint="ID"
        )
    common.give({"id": public, "revoked": True}, f"{public} is revoked")
    return 0


def _check_models(site: Path | None, models: tuple[str, ...]) -> None:
    if site is None or not models:
        return
    from suffice.serve.site.read import site_of

    known = sorted(site_of(site).routes)
    if unknown := [model for model in models if model not in known]:
        raise click.BadParameter(
            f"{site} serves no {unknown[0]!r}; it serves {', '.join(known)}", param_hint="--model"
        )


def _store(site: Path | None, home: Path | None) -> "Store":
    from suffice import extras
    from suffice.clock import SystemClock
    from suffice.serve.site.places import store_in, usual_home

    opened = extras.require("suffice.serve.store.opened", extra="serve", feature="the store of keys")
    if site is None:
        settings = store_in(usual_home() if home is None else home.expanduser().resolve())
    else:
        from suffice.serve.site.read import site_of

        settings = site_of(site, home=home).store
    store: Store = opened.open_store(settings, SystemClock())
    return store


def _told(key: "Key") -> dict[str, Any]:
    moments = {name: getattr(key, name) for name in ("created_at", "last_used_at", "revoked_at")}
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "models": sorted(key.models),
        "limits": dataclasses.asdict(key.limits),
        **{name: at and at.isoformat() for name, at in moments.items()},
    }


def _line(key: "Key") -> str:
    used = f"used {key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else "never used"
    state = f"REVOKED {key.revoked_at:%Y-%m-%d}" if key.revoked_at else used
    models = f"  models {', '.join(sorted(key.models))}" if key.models else ""
    return (
        f"{key.id}  {key.name}  {', '.join(sorted(key.scopes))}  {state}{models}{_shown_limits(key.limits)}"
    )


def _shown_limits(limits: "Limits") -> str:
    given = [(name, value) for name, value in dataclasses.asdict(limits).items() if value is not None]
    return "".join(f"  {value:,} {name.replace('_per_', ' a ')}" for name, value in given)
