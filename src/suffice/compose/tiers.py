"""The tiers of a site, opened: bundles, servers, people."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from suffice.bundle import encoder_folder
from suffice.certify.statement import BUNDLE
from suffice.clock import Clock
from suffice.serve.ports import ReviewQueue, Tier
from suffice.serve.site.site import Served, Site
from suffice.serve.tiers.bundles.batching import Batching
from suffice.serve.tiers.bundles.bundle_tier import BundleTier
from suffice.serve.tiers.bundles.encoder_tier import EncoderTier
from suffice.serve.tiers.bundles.serving import BundleSettings
from suffice.serve.tiers.human import HumanTier
from suffice.serve.tiers.upstreams.breaker import BreakerState
from suffice.serve.tiers.upstreams.lookout import Lookout, lookout_of
from suffice.serve.tiers.upstreams.upstream import UpstreamTier


@dataclass(frozen=True, kw_only=True)
class Tiers:
    """Every tier of a site, by kind and by name.

    `encoders` are those within bundles, which make vectors; `lookouts` look after servers nearby.
    """

    bundles: Mapping[str, BundleTier]
    upstreams: Mapping[str, UpstreamTier]
    people: Mapping[str, HumanTier]
    encoders: Mapping[str, EncoderTier]
    lookouts: Mapping[str, Lookout]

    @property
    def by_name(self) -> Mapping[str, Tier]:
        """Returns all tiers."""
        return {**self.bundles, **self.upstreams, **self.people}

    @property
    def vector_makers(self) -> Mapping[str, Tier]:
        """Returns the tiers that make vectors of texts; of a server that is known when it is asked."""
        return {**self.encoders, **self.upstreams}

    @property
    def waiting(self) -> Mapping[str, int]:
        """Returns how many calls wait, by tier."""
        bundles = {name: tier.load.waiting for name, tier in self.bundles.items()}
        return bundles | {name: tier.load[1] for name, tier in self.upstreams.items()}

    @property
    def under_way(self) -> int:
        """Returns how many calls tiers are answering now."""
        running = sum(tier.load.running for tier in self.bundles.values())
        return running + sum(tier.load[0] for tier in self.upstreams.values())

    @property
    def breakers(self) -> Mapping[str, str]:
        """Returns the state of every server's breaker."""
        return {name: tier.breaker_state.value for name, tier in self.upstreams.items()}

    @property
    def troubles(self) -> Mapping[str, str]:
        """Returns the servers that answer no call now, with the reason; {} where each may."""
        found = {name: lookout.why for name, lookout in self.lookouts.items() if lookout.why}
        shut = (name for name, tier in self.upstreams.items() if tier.breaker_state is BreakerState.OPEN)
        return (
            dict.fromkeys(shut, "its calls failed too often of late: it is left alone for some seconds")
            | found
        )

    @property
    def certificates(self) -> frozenset[str]:
        """Returns the sha256 of the certificates of what is served now."""
        found = (tier.certified.sha256 for tier in self.bundles.values())
        return frozenset(sha256 for sha256 in found if sha256 is not None)


@asynccontextmanager
async def opened_tiers(site: Site, queue: ReviewQueue, *, clock: Clock) -> AsyncIterator[Tiers]:
    """Opens the tiers of a site, and closes them after what they are answering.

    Raises:
        NotCertified, ArtefactError: a bundle's bytes are not those of its certificate, or it has none.
        SufficeError: a bundle or a server that cannot be used as it is set up.
    """
    async with AsyncExitStack() as stack:
        bundles: dict[str, BundleTier] = {}
        encoders: dict[str, EncoderTier] = {}
        upstreams: dict[str, UpstreamTier] = {}
        lookouts: dict[str, Lookout] = {}
        for served in site.served:
            bundles[served.name] = bundle = await BundleTier.opened(_settings(served, site), clock=clock)
            stack.push_async_callback(bundle.close)
            if encoder_folder(served.folder / BUNDLE) is not None:
                encoders[served.name] = EncoderTier(_settings(served, site), clock=clock)
                stack.push_async_callback(encoders[served.name].close)
        for settings in site.upstreams:
            settings.endpoint.api_key()  # a variable that is empty now is empty at every call
            is_cut_off = site.offline and not site.is_listed(settings.endpoint.base_url)
            upstreams[settings.name] = server = UpstreamTier(settings, clock=clock, offline=is_cut_off)
            stack.push_async_callback(server.close)
            if (lookout := lookout_of(settings, offline=is_cut_off)) is not None:
                lookouts[settings.name] = lookout
        people = {name: HumanTier(name, queue) for name in site.people}
        yield Tiers(
            bundles=bundles,
            upstreams=upstreams,
            people=people,
            encoders=encoders,
            lookouts=lookouts,
        )


def _settings(served: Served, site: Site) -> BundleSettings:
    return BundleSettings(
        name=served.name,
        folder=served.folder,
        key=site.trusted_key,
        allow_uncertified=served.allow_uncertified,
        processes=served.processes,
        batching=Batching(most=served.batch, wait_ms=served.batch_wait_ms, queue=served.queue),
    )
