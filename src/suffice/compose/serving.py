"""Serving a site from this process until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

from suffice.clock import Clock
from suffice.compose.gateway import Around, Standing, opened_gateway
from suffice.compose.pages import Address
from suffice.serve.guard.bind import check_bind, first_key
from suffice.serve.guard.offline import loop_factory
from suffice.serve.privacy.settings import Treatment
from suffice.serve.server import Server, ServerSettings, bound, url_of
from suffice.serve.site.site import Site
from suffice.serve.tiers.upstreams.upstream_settings import TrustedLocal

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What its owner is told when a gateway listens; `key` is shown this once, None where there is one.

    `nearby` are the servers on this machine that count as outside, where policy keeps private data in.
    """

    url: str
    key: str | None
    warning: str | None
    models: tuple[str, ...]
    uncertified: tuple[str, ...]
    nearby: tuple[str, ...] = ()


def serve(
    site: Site,
    *,
    clock: Clock,
    heard: Callable[[Begun], None],
    around: Around | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM, then ends what is under way; SIGHUP takes new bundles in.

    `heard` is told once it listens. `around`: see `opened_gateway`.

    Raises:
        SufficeError: something of the site cannot be opened, or its address is taken.
    """
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_served(site, clock=clock, heard=heard, around=around))


async def _served(site: Site, *, clock: Clock, heard: Callable[[Begun], None], around: Around | None) -> None:
    settings = server_settings(site)
    listening = bound(settings)
    try:
        address = Address(url=url_of(listening), port=listening.getsockname()[1], since=clock.now())
        async with opened_gateway(site, clock=clock, address=address, around=around) as standing:
            keys = standing.records.store.keys
            warning = await check_bind(site.host, keys)
            begun = Begun(
                url=address.url,
                key=await first_key(keys, at=clock.now()),
                warning=warning,
                models=tuple(site.routes),
                uncertified=tuple(
                    name for name, tier in standing.tiers.bundles.items() if not tier.certified.is_valid
                ),
                nearby=kept_from(site),
            )
            server = Server(standing.app, listening, settings)
            _reload_on_hangup(standing)
            await server.run(started=lambda: heard(begun))
    finally:
        listening.close()


def kept_from(site: Site) -> tuple[str, ...]:
    """Returns the servers at a loopback address that policy keeps private data from, since nobody vouches."""
    policy = site.privacy
    if {policy.default, *policy.classes.values()} == {Treatment.ALLOW}:
        return ()
    return tuple(
        server.name
        for server in site.upstreams
        if server.endpoint.is_loopback and server.trusted_local is TrustedLocal.NO
    )


def server_settings(site: Site) -> ServerSettings:
    """Returns where a site's server listens, and what one connection may take."""
    limits = asdict(site.limits)
    named = ("header_count", "header_bytes", "connections", "held_bytes")
    times = ("slow_header_s", "slow_body_s", "slow_reader_s", "keep_alive_s")
    return ServerSettings(
        host=site.host, port=site.port, **{name: limits[name] for name in (*named, *times) if name in limits}
    )


def _reload_on_hangup(standing: Standing) -> None:
    """Takes new bundles in at SIGHUP; what does not open is logged, and the old one goes on."""
    loop, under_way = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    async def reload() -> None:
        for name, why in (await standing.reload()).items():
            _log.warning("bundle %s: %s", name, why or "taken in anew")

    def heard() -> None:
        task = loop.create_task(reload())
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    with suppress(NotImplementedError, RuntimeError):  # not this system's, or not the main thread
        loop.add_signal_handler(signal.SIGHUP, heard)
