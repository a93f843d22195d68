"""What the site says about a server that answers: where it is, what it may be sent, how far it is trusted."""

import ipaddress
import math
from dataclasses import dataclass, field

from suffice.errors import SpecError
from suffice.models.http.endpoint import Endpoint
from suffice.models.http.transport import LARGEST_REPLY_BYTES
from suffice.serve.tiers.upstreams.addresses import Network, Reachable
from suffice.serve.tiers.upstreams.breaker import BreakerSettings

# Fields that no server but this gateway knows: they choose how it answers, and are never passed on.
_OWN_PREFIX = "suffice"


@dataclass(frozen=True, kw_only=True)
class UpstreamSettings:
    """One OpenAI-compatible server as a tier; all of it comes from the site, nothing from a client.

    Of `endpoint` its address, model, key's variable, price, concurrency and waiting are used. At most
    `queue` calls wait for one of the `endpoint.concurrency` places, each `queue_s` at most.
    `drop_params` are fields of a body that the server refuses. `allow_private` lets the name resolve
    to private and loopback addresses, `allow_networks` (CIDR) to these ones only. A reply, whole or
    streamed, may have `reply_bytes`, one event of a stream `event_bytes`.
    """

    name: str
    endpoint: Endpoint
    queue: int = 64
    queue_s: float = 5.0
    drop_params: frozenset[str] = frozenset()
    allow_private: bool = False
    allow_networks: tuple[str, ...] = ()
    reply_bytes: int = 4 * LARGEST_REPLY_BYTES
    event_bytes: int = 1 << 20
    breaker: BreakerSettings = field(default_factory=BreakerSettings)

    def __post_init__(self) -> None:
        if not self.name:
            raise SpecError("an upstream tier needs a name")
        if self.queue < 0:
            raise SpecError(f"tier {self.name}: queue must be 0 or more, not {self.queue!r}")
        if not (math.isfinite(self.queue_s) and self.queue_s > 0):
            raise SpecError(f"tier {self.name}: queue_s must be seconds above 0, not {self.queue_s!r}")
        if self.reply_bytes < 1 or self.event_bytes < 1:
            raise SpecError(f"tier {self.name}: reply_bytes and event_bytes must be at least 1")
        if taken := self.drop_params & {"model", "messages", "prompt", "input", "stream"}:
            raise SpecError(
                f"tier {self.name}: drop_params cannot hold {sorted(taken)}: no call goes without"
            )
        reachable = self.reachable(offline=False)
        if (why := reachable.refusal_of_host(self.endpoint.host)) is not None:
            raise SpecError(
                f"tier {self.name}: base_url names {why}",
                hint="where it is meant: allow_private: true, or allow_networks: [its network]",
            )

    def reachable(self, *, offline: bool) -> Reachable:
        """Returns which addresses the tier may connect to.

        Raises:
            SpecError: a network that is none.
        """
        return Reachable(
            loopback=self.endpoint.is_loopback,
            private=self.allow_private,
            networks=tuple(_network(self.name, text) for text in self.allow_networks),
            offline=offline,
        )

    def is_dropped(self, name: str) -> bool:
        """Says whether a field of a body stays here."""
        return name in self.drop_params or name.startswith(_OWN_PREFIX)


def _network(tier: str, text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise SpecError(
            f"tier {tier}: allow_networks holds {text!r}, which is no network: {error}",
            hint="write it as 10.1.0.0/16 or fd00:1::/64",
        ) from error
