"""`suffice shadow`: what would change if a certified bundle took over from the model in use."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suffice.cli.options import Common, common, of_home
from suffice.cli.serve import announcing, keys_of, require_serving

if TYPE_CHECKING:
    from suffice.serve.shadow import Summary
    from suffice.stats.intervals import IntervalBounds


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--upstream", "base_url", metavar="URL", help="Server in use, up to and including /v1.")
@click.option("--model", help="The model's name there.")
@click.option("--api-key-env", metavar="VARIABLE", help="Environment variable with the server's key.")
@click.option("--allow-private", is_flag=True, help="The server may be in a private network.")
@click.option("--listen", metavar="HOST:PORT", help="Where to listen  [default: 127.0.0.1:8321]")
@click.option("--summary", "only_summary", is_flag=True, help="Serve nothing: tell what was seen so far.")
@of_home
@common
def shadow(  # noqa: PLR0913 - each is an option
    *,
    folder: Path,
    base_url: str | None,
    model: str | None,
    api_key_env: str | None,
    allow_private: bool,
    listen: str | None,
    only_summary: bool,
    home: Path | None,
    common: Common,
) -> int:
    """Pass calls on to the server in use, and ask the bundle of the run FOLDER beside it.

    Clients get the server's answers, as ever, also to calls with private data; they name the model
    there or the bundle's, and send a key of the gateway. What the bundle would have answered is compared and
    counted, without contents, in the gateway's home; stopped with Ctrl-C it tells what it saw, and the
    same command goes on from there.
    """
    require_serving("suffice shadow")
    from suffice.clock import SystemClock
    from suffice.models.http.endpoint import Endpoint, is_offline
    from suffice.serve.guard.offline import go_offline
    from suffice.serve.shadow import ShadowBook
    from suffice.serve.site.read import site_of
    from suffice.serve.tiers.upstreams.upstream_settings import UpstreamSettings

    site = site_of(folder, listen=listen, offline=is_offline(asked=common.offline), home=home)
    if only_summary:
        book = ShadowBook(site.home / "shadow" / f"{site.served[0].name}.jsonl")
        _tell(book.summary(), common)
        return 0
    if not base_url or not model:
        raise click.UsageError("give the server in use: --upstream URL and --model NAME")
    endpoint = Endpoint(base_url=base_url, model=model, api_key_env=api_key_env, concurrency=64)
    server = UpstreamSettings(name="in-use", endpoint=endpoint, allow_private=allow_private)
    if site.offline:
        go_offline(site.offline_allow)
    from suffice.compose.shadowing import shadow as serve_shadow
    from suffice.compose.shadowing import shadow_plan

    plan = shadow_plan(site, server)
    done = serve_shadow(plan, clock=SystemClock(), heard=announcing(common, keys_of(None, home)))
    _tell(done, common)
    return 0


def _tell(summary: "Summary", common: Common) -> None:
    value: dict[str, Any] = dataclasses.asdict(summary)
    for name in ("kept", "same", "changed"):
        bounds = getattr(summary, name)
        value[name] = None if bounds is None else bounds._asdict()
    common.give(value, told(summary))


def told(summary: "Summary") -> str:
    """Returns a summary in words; intervals at 95%, good at any time."""
    if not summary.n:
        return "no call was compared yet"
    kept, same, changed = map(_interval, (summary.kept, summary.same, summary.changed))
    lines = [
        f"{summary.n:,} calls compared",
        f"the bundle would have answered {summary.n_kept:,} of them {kept}, and passed up the others",
    ]
    if summary.same is not None:
        lines.append(f"of these it said the same as the model in use {summary.n_same:,} times {same}")
    if summary.changed is not None:
        lines.append(f"a switch would change the answer to {_share(summary)} of all calls {changed}")
    if summary.shadow_p50_ms is not None and summary.answer_p50_ms is not None:
        ours, theirs = summary.shadow_p50_ms, summary.answer_p50_ms
        lines.append(f"median time: {ours:,.1f} ms for the bundle, {theirs:,.1f} ms for the model in use")
    return "\n".join(lines)


def _share(summary: "Summary") -> str:
    return f"{(summary.n_kept - summary.n_same) / summary.n:.1%}"


def _interval(bounds: "IntervalBounds | None") -> str:
    return "" if bounds is None else f"({bounds.lower:.1%} to {bounds.upper:.1%})"
