"""Serving the model in use to its clients, with a bundle asked in its shadow."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from suffice.bar import Metric
from suffice.bundle import task_of
from suffice.certify.statement import BUNDLE
from suffice.clock import Clock
from suffice.compose.serving import Begun, serve
from suffice.compose.tiers import Tiers
from suffice.errors import SpecError
from suffice.forms import form_of
from suffice.score.registry import form_settings
from suffice.serve.gateway import Walk
from suffice.serve.privacy.settings import Treatment
from suffice.serve.route import Route
from suffice.serve.shadow import Shadow, ShadowBook, Summary
from suffice.serve.site.site import Site
from suffice.serve.tiers.upstreams.upstream_settings import UpstreamSettings

_TIER = "in-use"
# Metrics that say when two texts are the same. Of tasks with another one only the share kept is told.
_SAME_BY = frozenset(Metric) - {Metric.ROUGE_L, Metric.CHRF, Metric.UNIT_TESTS, Metric.JUDGE}


@dataclass(frozen=True, kw_only=True)
class ShadowPlan:
    """What is compared: the site of one bundle, the server in use, and the file of comparisons."""

    site: Site
    server: UpstreamSettings
    book: Path


def shadow_plan(site: Site, server: UpstreamSettings) -> ShadowPlan:
    """Returns the plan for the site of a run folder: its one model is answered by the server in use.

    Clients may name that server's model too, so that they need no other change than the base URL. Private
    data are looked for and counted, and keep no call here: they went to this server before.

    Raises:
        SpecError: the site has more than one bundle.
    """
    if len(site.served) != 1:
        raise SpecError("a shadow compares one bundle", hint="give the folder of a run, not a site file")
    name = site.served[0].name
    names = dict.fromkeys((name, server.endpoint.model))
    served = replace(
        site,
        routes={one: Route(name=one, tiers=(_TIER,), reference=_TIER) for one in names},
        upstreams=(replace(server, name=_TIER),),
        people=(),
        privacy=replace(site.privacy, default=Treatment.ALLOW, classes={}),
    )
    return ShadowPlan(site=served, server=server, book=site.home / "shadow" / f"{name}.jsonl")


def shadow(plan: ShadowPlan, *, clock: Clock, heard: Callable[[Begun], None]) -> Summary:
    """Returns what all comparisons so far show, after serving until SIGINT or SIGTERM.

    Raises:
        SufficeError: as `serving.serve`.
    """
    book = ShadowBook(plan.book)
    name = plan.site.served[0].name
    same = _same(plan.site.served[0].folder)

    def around(walk: Walk, tiers: Tiers) -> Walk:
        return Shadow(walk, tiers.bundles[name], book, clock=clock, same=same)

    serve(plan.site, clock=clock, heard=heard, around=around)
    return book.summary()


def _same(folder: Path) -> Callable[[str, str], bool] | None:
    """Returns when two answers are the same by the metric of a bundle's task; None where none says so."""
    spec = task_of(folder / BUNDLE)
    bar = spec.quality_bar
    if bar.metric not in _SAME_BY:
        return None
    form = form_of(form_settings(bar, spec.kind))

    def same(one: str, other: str) -> bool:
        left = form(one)
        return left is not None and left == form(other)

    return same
