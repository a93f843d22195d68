"""What one gateway serves, as plain frozen settings: the one thing that everything is composed from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from suffice.models.http.endpoint import Endpoint
from suffice.serve.route import Route


@dataclass(frozen=True, kw_only=True)
class Served:
    """A bundle that is served as the tier `name`; its run `folder` holds the certificate too."""

    name: str
    folder: Path
    allow_uncertified: bool = False


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """A server that is the tier `name`.

    `allow_private`: it may lie in a private network. `drop_params` are what it does not take of a call.
    """

    name: str
    endpoint: Endpoint
    allow_private: bool = False
    drop_params: frozenset[str] = frozenset()


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
    queue: int = 512
    slow_header_s: float = 10.0
    slow_body_s: float = 30.0
    slow_reader_s: float = 30.0
    keep_alive_s: float = 30.0


@dataclass(frozen=True, kw_only=True)
class Site:
    """One gateway's settings; every path absolute.

    `routes` by the name clients send, `served`, `upstreams` and `people` are the tiers that routes name.
    `store_url` is SQLAlchemy's, without a password. `hosts` are further names of the Host header, as
    written. `offline_allow` are (host, port) reached even when `offline`. `trusted_key` None: this
    machine's own. `file` is None where the site was made of a run folder.
    """

    host: str
    port: int
    home: Path
    routes: Mapping[str, Route]
    store_url: str
    served: tuple[Served, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    people: tuple[str, ...] = ()
    privacy: Mapping[str, Any] = field(default_factory=dict)
    audit: Audit = Audit()
    limits: ServerLimits = ServerLimits()
    hosts: tuple[str, ...] = ()
    offline: bool = False
    offline_allow: tuple[tuple[str, int], ...] = ()
    trusted_key: Path | None = None
    file: Path | None = None

    @property
    def tier_names(self) -> tuple[str, ...]:
        """Returns the names of all tiers."""
        return (
            *(served.name for served in self.served),
            *(upstream.name for upstream in self.upstreams),
            *self.people,
        )
