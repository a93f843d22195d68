"""What the pages are shown of an open gateway, in the terms that the pages know."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

import suffice
from suffice.clock import Clock
from suffice.compose.records import Records, audit_settings
from suffice.compose.tiers import Tiers
from suffice.errors import SufficeError
from suffice.ports import Request
from suffice.serve.audit.verify import verify
from suffice.serve.call import Caller, Operation, Wishes
from suffice.serve.case import Ending
from suffice.serve.errors import CallError, NobodyAnswered
from suffice.serve.gateway import Gateway
from suffice.serve.guard.door import KeyDoor
from suffice.serve.site.site import Site
from suffice.serve.wire import chat
from suffice.web.attempts import Attempts
from suffice.web.sessions import Sessions
from suffice.web.sources import Checkpoint, Said, SiteFacts, TierFacts, Verification
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
        ask=_Asking(parts.gateway),
        explain=_Explaining(parts.tiers),
        answer_ticket=store.reviews.answer,
        audit=_AuditFacts(parts),
    )


class _Asking:
    """Asks the gateway as any client does, without HTTP in between (`web.sources.Ask`)."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def __call__(self, caller: Caller, *, route: str, text: str, wishes: Wishes) -> Said:
        body = {"model": route, "messages": [{"role": "user", "content": text}]}
        case = self._gateway.open(f"req_{secrets.token_hex(16)}", Operation.CHAT, caller)
        case.request_bytes = orjson.dumps(body)
        try:
            outcome = await self._gateway.answer(case, chat.API.read(body), route=route, wishes=wishes)
        except CallError as error:
            ended = self._gateway.end(case, Ending(status=error.status, sha256="", error=error.code))
            if case.call is None or ended is None:
                raise
            return Said(event=ended)
        said = None if outcome.reply is None else outcome.reply.text
        raw = (said or "").encode()
        ending = Ending(
            status=200 if outcome.ticket is None else 202, sha256=hashlib.sha256(raw).hexdigest(), body=raw
        )
        ended = self._gateway.end(case, ending)
        if ended is None:
            raise AssertionError("a call ends once")
        return Said(event=ended, text=said)


class _Explaining:
    """Says why a bundle answers as it does (`web.sources.Explains`)."""

    def __init__(self, tiers: Tiers) -> None:
        self._tiers = tiers

    async def __call__(self, tier: str, text: str) -> Mapping[str, Any] | None:
        bundle = self._tiers.bundles.get(tier)
        if bundle is None:
            return None
        try:
            return (await bundle.explain(Request(text=text))).to_json()
        except SufficeError as error:
            raise NobodyAnswered(f"{tier} cannot be asked now: {error.message}", status=503) from error


class _AuditFacts:
    """The audit log as the pages see it (`web.sources.AuditLog`)."""

    def __init__(self, parts: Parts) -> None:
        self._log = parts.records.log
        self._settings = audit_settings(parts.site)
        self._key = parts.records.public_key

    async def last(self) -> Checkpoint | None:
        point = self._log.last
        if point is None:
            return None
        return Checkpoint(
            events=point.seq + 1,
            head=point.head,
            at=datetime.fromisoformat(point.at),
            file=str(self._settings.folder),
            anchor=str(self._settings.anchor),
        )

    async def verify(self) -> Verification:
        found = await asyncio.to_thread(
            verify, self._settings.folder, self._key, anchor=self._settings.anchor
        )
        problems = tuple(f"{check.name}: {check.detail}" for check in found.checks if not check.is_met)
        return Verification(events=found.events, problems=problems)


def _site_facts(parts: Parts) -> SiteFacts:
    notes = [
        f"{name}: the bundle in its folder was not taken in: {tier.last_reload.why}"
        for name, tier in parts.tiers.bundles.items()
        if tier.last_reload is not None and tier.last_reload.why
    ]
    return SiteFacts(
        url=f"{parts.address.url}/v1",
        routes=tuple(parts.site.routes.values()),
        tiers=tuple(_tier_facts(name, parts) for name in parts.tiers.by_name),
        keeps_contents=parts.site.audit.contents,
        version=suffice.__version__,
        started_at=parts.address.since,
        notes=tuple(notes),
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
        )
    if (server := parts.tiers.upstreams.get(name)) is not None:
        endpoint = next(one.endpoint for one in parts.site.upstreams if one.name == name)
        return TierFacts(
            name=name,
            place=server.place,
            provider=endpoint.host,
            model=endpoint.model,
            breaker=server.breaker_state.value,
            waiting=server.load[1],
        )
    return TierFacts(name=name, place=parts.tiers.people[name].place)
