"""A gateway that is ready to be served: every room of a site, opened and joined."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from suffice.clock import Clock
from suffice.compose.names import opened_names
from suffice.compose.pages import Address, Parts, pages_of
from suffice.compose.records import Records, opened_records
from suffice.compose.savings import reference_cost
from suffice.compose.tiers import Tiers, opened_tiers
from suffice.compose.vitals import metrics_of, troubles, unready
from suffice.serve.app import Surroundings, app_of
from suffice.serve.decide.vectors import VectorWalk
from suffice.serve.decide.walk import Walk
from suffice.serve.event import Event
from suffice.serve.gateway import Gateway, Rooms
from suffice.serve.gateway import Walk as AnyWalk
from suffice.serve.guard.bodies import BodyGuard
from suffice.serve.guard.budgets import Budgets
from suffice.serve.guard.door import KeyDoor
from suffice.serve.guard.hosts import HostGuard
from suffice.serve.guard.unpaid import Unpaid
from suffice.serve.journal import Recorder
from suffice.serve.observe.metrics import Metrics
from suffice.serve.observe.trace_context import passed_on
from suffice.serve.observe.traces import Traces
from suffice.serve.privacy.inspector import PrivacyInspector
from suffice.serve.site.site import Site
from suffice.serve.wire.exchange import Asgi
from suffice.web.pages import app_of as app_of_pages

_FORM_BYTES, _FORM_S = 1 << 20, 10.0

# Puts another walk around the usual one, e.g. one that asks a shadow too.
Around = Callable[[AnyWalk, Tiers], AnyWalk]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """An open gateway: the application to serve, and what its owner may do with it."""

    app: Asgi
    gateway: Gateway
    door: KeyDoor
    tiers: Tiers
    records: Records

    async def reload(self) -> Mapping[str, str]:
        """Returns by bundle why it was not swapped, "" where it was; records the certificates in use."""
        bundles = self.tiers.bundles
        results = await asyncio.gather(*(tier.reload() for tier in bundles.values()))
        self.records.declare(self.tiers.certificates)
        return {name: result.why for name, result in zip(bundles, results, strict=True)}


@asynccontextmanager
async def opened_gateway(
    site: Site, *, clock: Clock, address: Address, around: Around | None = None
) -> AsyncIterator[Standing]:
    """Opens everything a site names; closes it in order, so that nothing that was acknowledged is lost.

    `address` says where it will be found. `around` may put another walk around the usual one.

    Raises:
        SufficeError: something of the site cannot be opened; nothing stays open then.
    """
    async with AsyncExitStack() as stack:
        records = stack.enter_context(opened_records(site, clock=clock))
        tiers = await stack.enter_async_context(opened_tiers(site, records.store.reviews, clock=clock))
        names = await stack.enter_async_context(opened_names(site))
        records.declare(tiers.certificates)
        listeners: list[Callable[[Event], None]] = []
        recorder = records.recorder(listeners, in_use=lambda: tiers.certificates)
        metrics = metrics_of(site, tiers, recorder)
        traces = None if site.traces is None else Traces(site.traces, clock=clock)
        listeners.append(metrics.hear)
        if traces is not None:
            listeners.append(traces.hear)
            stack.push_async_callback(traces.close)
        door = _door(site, records, clock)
        await door.refresh()
        usual = Walk(tiers.by_name, clock=clock)
        gateway = Gateway(
            list(site.routes.values()),
            VectorWalk(
                usual if around is None else around(usual, tiers),
                Walk(tiers.vector_makers, clock=clock),
                makers=tiers.vector_makers.keys(),
            ),
            Rooms(
                door=door,
                journal=recorder,
                clock=clock,
                inspector=PrivacyInspector(site.privacy, clock=clock, finders=names),
                begin_trace=_trace_passed_on if traces is None else traces.begin,
                reference_cost=reference_cost(site, tiers),
                keeps_contents=site.audit.contents,
                beside_bytes=Rooms.beside_bytes if site.privacy.names is None else math.inf,
            ),
        )
        parts = Parts(
            site=site, address=address, gateway=gateway, door=door, tiers=tiers, records=records, clock=clock
        )
        app = HostGuard(
            _app(parts, recorder, metrics), listens_on=site.host, port=address.port, hosts=_hosts(site)
        )
        await stack.enter_async_context(_in_background(door.stay_fresh(), *_watches(tiers)))
        yield Standing(app=app, gateway=gateway, door=door, tiers=tiers, records=records)


def _trace_passed_on(_call_id: str, traceparent: str | None) -> str:
    """Returns a client's trace for the servers behind, where no traces are kept here."""
    return passed_on(traceparent)


def _door(site: Site, records: Records, clock: Clock) -> KeyDoor:
    store = records.store
    # Others write events only where the database is one that others reach.
    is_shared = not site.store.url.startswith("sqlite")
    return KeyDoor(
        store.keys,
        Budgets(clock=clock, spending=store.spending, is_shared=is_shared),
        clock=clock,
        unpaid=Unpaid(clock, per_minute=site.limits.unpaid_per_minute),
    )


def _hosts(site: Site) -> tuple[str, ...]:
    """Returns the names that a site's requests may come to, beside where it listens."""
    public = () if site.public_url is None else (urlsplit(site.public_url).netloc,)
    return (*site.hosts, *public)


def _app(parts: Parts, recorder: Recorder, metrics: Metrics) -> Asgi:
    """Returns the application: the APIs, and the pages, which read small forms alone."""
    site = parts.site
    pages = app_of_pages(pages_of(parts))
    return app_of(
        parts.gateway,
        Surroundings(
            clock=parts.clock,
            body_bytes=site.limits.body_bytes,
            feedback=parts.records.store.feedback,
            metrics=metrics.text,
            health=lambda: troubles(recorder, parts.tiers),
            ready=lambda: unready(recorder, parts.tiers, site),
            pages=BodyGuard(pages, most_bytes=_FORM_BYTES, timeout_s=_FORM_S),
            ticket_url=f"{parts.url}/review/{{}}".format,
        ),
    )


def _watches(tiers: Tiers) -> list[Coroutine[Any, Any, None]]:
    bundles = [tier.watch() for tier in tiers.bundles.values()]
    return [*bundles, *(lookout.watch() for lookout in tiers.lookouts.values())]


@asynccontextmanager
async def _in_background(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Runs coroutines that have no end until the block is left."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
