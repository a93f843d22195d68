"""`suffice serve`: an OpenAI-compatible gateway over certified bundles."""

import dataclasses
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suffice.cli.options import Common, common, of_home

if TYPE_CHECKING:
    from suffice.compose.serving import Begun


@click.command()
@click.argument("place", type=click.Path(path_type=Path))
@click.option("--listen", metavar="HOST:PORT", help="Where to listen  [default: the site's, 127.0.0.1:8321]")
@click.option(
    "--allow-uncertified", is_flag=True, help="Serve bundles without a certificate; replies say so."
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="Public key that certificates must be signed with  [default: the site's, or your own]",
)
@of_home
@common
def serve(
    *,
    place: Path,
    listen: str | None,
    allow_uncertified: bool,
    key: Path | None,
    home: Path | None,
    common: Common,
) -> int:
    """Answer OpenAI's APIs from the bundle of a run folder, or from all that a site file names.

    Ends on Ctrl-C, after the calls under way. On SIGHUP it takes in bundles that were made anew. Two
    gateways on one machine need two homes: give the second --home and --listen.
    """
    require_serving("suffice serve")
    from suffice.clock import SystemClock
    from suffice.models.http.endpoint import is_offline
    from suffice.serve.guard.offline import go_offline
    from suffice.serve.site.read import site_of

    site = site_of(
        place,
        listen=listen,
        offline=is_offline(asked=common.offline),
        allow_uncertified=allow_uncertified,
        home=home,
    )
    if key is not None:
        site = dataclasses.replace(site, trusted_key=key)
    if site.offline:
        go_offline(site.offline_allow)  # before anything that connects is imported
    from suffice.compose.serving import serve as serve_site

    serve_site(site, clock=SystemClock(), heard=announcing(common, keys_of(site.file, home)))
    return 0


def keys_of(site_file: Path | None, home: Path | None) -> str:
    """Returns the options by which `suffice keys` finds the keys of a gateway, "" where it needs none."""
    named = [("--home", home)] if home is not None else [("--site", site_file)]
    return "".join(f" {option} {shlex.quote(str(path))}" for option, path in named if path is not None)


def announcing(common: Common, of_keys: str = "") -> "Callable[[Begun], None]":
    """Returns what tells the user that a gateway listens: in words, or as one line of JSON.

    A key that was made is told even when quiet: it is never shown again. `of_keys` is what
    `suffice keys` needs to find this gateway's.
    """

    def heard(begun: "Begun") -> None:
        if common.as_json:
            common.give(dataclasses.asdict(begun), "")
        elif common.quiet and begun.key is not None:
            common.give({}, begun.key)
        else:
            common.say(words(begun, of_keys))

    return heard


def require_serving(feature: str) -> None:
    """Checks that the gateway's packages are there.

    Raises:
        MissingExtra: the extra `serve` is not installed.
    """
    from suffice.extras import require

    for module in ("starlette", "uvicorn", "orjson", "sqlalchemy"):
        require(module, extra="serve", feature=feature)


def words(begun: "Begun", of_keys: str = "") -> str:
    """Returns what is printed once it listens."""
    first = begun.models[0]
    shown = begun.key or "sk-sf-..."
    body = {"model": first, "messages": [{"role": "user", "content": "Where is my parcel?"}]}
    lines = [f"serving {', '.join(begun.models)} at {begun.url}/v1   (Ctrl-C ends it)"]
    if begun.warning:
        lines += [f"warning: {begun.warning}"]
    if begun.uncertified:
        lines += [f"warning: not certified: {', '.join(begun.uncertified)}; every reply says so"]
    if begun.nearby:
        lines += [
            f"note: private data is kept from {', '.join(begun.nearby)}: servers here count as outside;",
            "      one that passes nothing on may be given `trusted_local: true` (docs/site-file.md)",
        ]
    if begun.key is not None:
        lines += [
            "",
            f"key      {begun.key}",
            f"         shown this once; `suffice keys create NAME{of_keys}` makes another",
        ]
    else:
        lines += [f"keys     were made before; `suffice keys create NAME{of_keys}` makes another"]
    lines += [
        f"pages    {begun.url}/   (log in with the key)",
        "",
        "try it:",
        f"  curl {begun.url}/v1/chat/completions \\",
        f"    -H 'Authorization: Bearer {shown}' -H 'Content-Type: application/json' \\",
        f"    -d '{json.dumps(body)}'",
    ]
    return "\n".join(lines)
