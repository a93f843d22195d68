"""How an open gateway is: what its metrics read, and what `/health` says."""

from collections.abc import Mapping
from typing import Any

from suffice.compose.tiers import Tiers
from suffice.serve.journal import Recorder
from suffice.serve.observe.metrics import Metrics
from suffice.serve.observe.vitals import Vitals
from suffice.serve.site.site import Site


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


def troubles(recorder: Recorder, *, required: bool = True) -> dict[str, str]:
    """Returns what is wrong, by room; {} where all is well."""
    health = recorder.health()
    found = {}
    for room in ("audit", "store") if required else ("store",):
        said = health[room]
        if not said["ok"]:
            found[room] = said.get("why") or "some events could not be kept"
    return found
