"""What the pages are shown of an open gateway, in the terms that the pages know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import suffice
from suffice.clock import Clock
from suffice.compose.records import Records
from suffice.compose.tiers import Tiers
from suffice.serve.gateway import Gateway
from suffice.serve.guard.door import KeyDoor
from suffice.serve.site.site import Site
from suffice.web.asking import GatewayAsk
from suffice.web.attempts import Attempts
from suffice.web.explaining import TiersExplain
from suffice.web.kept_log import KeptLog
from suffice.web.sessions import Sessions
from suffice.web.sources import SiteFacts, TierFacts
from suffice.web.visit import Pages


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a gateway is found: `url` without a path, e.g. http://127.0.0.1:8321, its port, since when."""

    url: str
    port: int
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The rooms of an open gateway that pages look into."""

    site: Site
    address: Address
    gateway: Gateway
    door: KeyDoor
    tiers: Tiers
    records: Records
    clock: Clock

    @property
    def url(self) -> str:
        """Returns where clients find the gateway, without a path."""
        return self.site.public_url or self.address.url


def pages_of(parts: Parts) -> Pages:
    """Returns everything the pages need."""
    store = parts.records.store
    return Pages(
        site=lambda: _site_facts(parts),
        door=parts.door,
        keys=store.keys,
        reads=store.readings,
        sessions=Sessions(clock=parts.clock),
        attempts=Attempts(parts.clock),
        clock=parts.clock,
        spending=store.spending,
        ask=GatewayAsk(parts.gateway, parts.clock),
        explain=TiersExplain(lambda: parts.tiers.bundles),
        answer_ticket=store.reviews.answer,
        audit=KeptLog(parts.records.log, parts.records.public_key, parts.clock),
        is_behind_tls=parts.url.startswith("https:"),
    )


def _site_facts(parts: Parts) -> SiteFacts:
    notes = [
        f"{name}: the bundle in its folder was not taken in: {tier.last_reload.why}"
        for name, tier in parts.tiers.bundles.items()
        if tier.last_reload is not None and tier.last_reload.why
    ]
    notes += [f"{name}: {why}" for name, why in parts.tiers.troubles.items()]
    return SiteFacts(
        url=f"{parts.url}/v1",
        routes=tuple(parts.site.routes.values()),
        tiers=tuple(_tier_facts(name, parts) for name in parts.tiers.by_name),
        keeps_contents=parts.site.audit.contents,
        version=suffice.__version__,
        started_at=parts.address.since,
        notes=tuple(notes),
        has_file=parts.site.file is not None,
    )


def _tier_facts(name: str, parts: Parts) -> TierFacts:
    if (bundle := parts.tiers.bundles.get(name)) is not None:
        certified = bundle.certified
        return TierFacts(
            name=name,
            place=bundle.place,
            status=certified.standing.value,
            model=bundle.cascade.name,
            certificate=certified.facts(),
            waiting=bundle.load.waiting,
            labels=bundle.labels,
            answer_schema=bundle.answer_schema,
        )
    if (server := parts.tiers.upstreams.get(name)) is not None:
        settings = next(one for one in parts.site.upstreams if one.name == name)
        endpoint = settings.endpoint
        return TierFacts(
            name=name,
            place=server.place,
            provider=endpoint.host,
            model=endpoint.model,
            breaker=server.breaker_state.value,
            waiting=server.load[1],
            joules_per_call=settings.joules_per_call,
        )
    return TierFacts(name=name, place=parts.tiers.people[name].place)
