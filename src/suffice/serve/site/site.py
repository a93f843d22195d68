"""What one gateway serves, as plain frozen settings: the one thing that everything is composed from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from suffice.serve.observe.traces import TraceSettings
from suffice.serve.privacy.settings import PrivacySettings
from suffice.serve.route import Route
from suffice.serve.site.addresses import server_of
from suffice.serve.store.settings import StoreSettings
from suffice.serve.tiers.upstreams.upstream_settings import UpstreamSettings


@dataclass(frozen=True, kw_only=True)
class Served:
    """A bundle that is served as the tier `name`; its run `folder` holds the certificate too.

    `processes`: 0 computes in a thread of the gateway. `batch` calls at most are answered together;
    a batch that is not full waits `batch_wait_ms`. `queue` calls wait at most.
    """

    name: str
    folder: Path
    allow_uncertified: bool = False
    processes: int = 0
    batch: int = 32
    batch_wait_ms: float = 0.0
    queue: int = 512


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What the audit log keeps, and whether calls are refused while it cannot be written."""

    contents: bool = False
    required: bool = True


@dataclass(frozen=True, kw_only=True)
class ServerLimits:
    """What one client may take of the gateway; times in seconds. The site file's page says what each is."""

    body_bytes: int = 16 << 20
    header_count: int = 100
    header_bytes: int = 32 << 10
    connections: int = 2048
    held_bytes: int = 256 << 20
    unpaid_per_minute: int = 600
    slow_header_s: float = 10.0
    slow_body_s: float = 30.0
    slow_reader_s: float = 30.0
    keep_alive_s: float = 30.0


@dataclass(frozen=True, kw_only=True)
class Site:
    """One gateway's settings; every path absolute.

    `routes` by the name clients send, `served`, `upstreams` and `people` are the tiers that routes name.
    `store` holds no password. `public_url` is where clients find the gateway, without a path; None: where it
    listens. `hosts` are further names of the Host header, as
    written. `offline_allow` are (host, port) reached even when `offline`. `trusted_key` None: this
    machine's own. `file` is None where the site was made of a run folder.
    """

    host: str
    port: int
    home: Path
    routes: Mapping[str, Route]
    store: StoreSettings
    served: tuple[Served, ...] = ()
    upstreams: tuple[UpstreamSettings, ...] = ()
    people: tuple[str, ...] = ()
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    audit: Audit = Audit()
    limits: ServerLimits = ServerLimits()
    public_url: str | None = None
    hosts: tuple[str, ...] = ()
    offline: bool = False
    offline_allow: tuple[tuple[str, int], ...] = ()
    trusted_key: Path | None = None
    traces: TraceSettings | None = None
    file: Path | None = None

    def is_listed(self, url: str) -> bool:
        """Says whether the server of a URL may be reached though the site is offline."""
        return server_of(url) in self.offline_allow

    @property
    def tier_names(self) -> tuple[str, ...]:
        """Returns the names of all tiers."""
        return (
            *(served.name for served in self.served),
            *(upstream.name for upstream in self.upstreams),
            *self.people,
        )
