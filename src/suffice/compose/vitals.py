"""How an open gateway is: what its metrics read, and what `/health` says."""

from collections.abc import Mapping
from typing import Any

from suffice.compose.tiers import Tiers
from suffice.serve.journal import Recorder
from suffice.serve.observe.metrics import Metrics
from suffice.serve.observe.vitals import Vitals
from suffice.serve.site.site import Site
from suffice.serve.tiers.upstreams.breaker import BreakerState

_TRIED = BreakerState.HALF_OPEN.value
_TRIES = "its calls failed too often of late: the next one tries whether it is back"


def metrics_of(site: Site, tiers: Tiers, recorder: Recorder) -> Metrics:
    """Returns the metrics of a site's routes, which read the gateway's vitals at each scrape."""

    def audit() -> Mapping[str, Any]:
        found: Mapping[str, Any] = recorder.health()["audit"]
        return found

    vitals = Vitals(
        queue_depths=lambda: tiers.waiting,
        breakers=lambda: tiers.breakers,
        in_flight=lambda: float(tiers.under_way),
        audit_lag=lambda: float(audit().get("held", 0)),
        events_lost=lambda: float(audit().get("lost", 0) + recorder.health()["store"]["lost"]),
    )
    providers = {server.name: server.endpoint.host for server in site.upstreams}
    return Metrics(site.routes, providers=providers, vitals=vitals)


def troubles(recorder: Recorder, tiers: Tiers) -> dict[str, str]:
    """Returns what is wrong, by room and by `tiers.NAME`; {} where all is well."""
    tried = dict.fromkeys((name for name, state in tiers.breakers.items() if state == _TRIED), _TRIES)
    shut = {f"tiers.{name}": why for name, why in (tried | dict(tiers.troubles)).items()}
    return _unkept(recorder, required=True) | shut


def unready(recorder: Recorder, tiers: Tiers, site: Site) -> dict[str, str]:
    """Returns what keeps calls from being answered: records that cannot be kept, models without a tier.

    A model with a bundle, or with people, always has a tier that could answer.
    """
    found = _unkept(recorder, required=site.audit.required)
    shut = tiers.troubles
    for name, route in site.routes.items():
        if all(tier in shut for tier in route.tiers):
            whys = "; ".join(f"{tier}: {shut[tier]}" for tier in route.tiers)
            found[f"models.{name}"] = f"no tier can answer now ({whys})"
    return found


def _unkept(recorder: Recorder, *, required: bool) -> dict[str, str]:
    health = recorder.health()
    found = {}
    for room in ("audit", "store") if required else ("store",):
        said = health[room]
        if not said["ok"]:
            found[room] = said.get("why") or "some events could not be kept"
    return found
