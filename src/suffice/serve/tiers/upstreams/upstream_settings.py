"""What the site says about a server that answers: where it is, what it may be sent, how far it is trusted."""

import ipaddress
import math
from dataclasses import dataclass, field
from enum import StrEnum

from suffice.errors import SpecError
from suffice.models.http.endpoint import Endpoint
from suffice.models.http.transport import LARGEST_REPLY_BYTES
from suffice.serve.reply import Place
from suffice.serve.tiers.upstreams.addresses import Network, Reachable
from suffice.serve.tiers.upstreams.breaker import BreakerSettings

# Fields that no server but this gateway knows: they choose how it answers, and are never passed on.
OWN_PREFIX = "suffice"
# Names of models that Ollama, wherever it runs, has answered at its own company.
_PASSED_ON = (":cloud", "-cloud")


class TrustedLocal(StrEnum):
    """Whether a server is trusted to keep what it gets, as if it were a part of this gateway."""

    NO = "no"
    THIS_MACHINE = "this_machine"
    PRIVATE_NETWORK = "private_network"


@dataclass(frozen=True, kw_only=True)
class UpstreamSettings:
    """One OpenAI-compatible server as a tier; all of it comes from the site, nothing from a client.

    Of `endpoint` its address, model, key's variable, price, concurrency and waiting are used. At most
    `queue` calls wait for one of the `endpoint.concurrency` places, each `queue_s` at most.
    `drop_params` are fields of a body that the server refuses. `allow_private` lets the name resolve
    to private and loopback addresses, `allow_networks` (CIDR) to these ones only. `trusted_local`: what
    must stay local may be sent there; then nothing but this machine, or a listed private network, is
    connected to. `joules_per_call` is what the site states of its energy. A reply, whole or
    streamed, may have `reply_bytes`, one event of a stream `event_bytes`.
    """

    name: str
    endpoint: Endpoint
    queue: int = 64
    queue_s: float = 5.0
    drop_params: frozenset[str] = frozenset()
    allow_private: bool = False
    allow_networks: tuple[str, ...] = ()
    trusted_local: TrustedLocal = TrustedLocal.NO
    joules_per_call: float | None = None
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
        self._check_trust()
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
            networks=self._networks(),
            offline=offline,
            trusted=self.trusted_local is not TrustedLocal.NO,
        )

    @property
    def place(self) -> Place:
        """Returns where its answers come from, as policy, audit log and pages count it."""
        return Place.REMOTE if self.trusted_local is TrustedLocal.NO else Place.TRUSTED_LOCAL

    def _networks(self) -> tuple[Network, ...]:
        return tuple(_network(self.name, text) for text in self.allow_networks)

    def _check_trust(self) -> None:
        """Refuses to trust what is not known to be here.

        Raises:
            SpecError: another machine's address, networks that are not private, a model that is known to be
                answered elsewhere.
        """
        host = self.endpoint.host
        match self.trusted_local:
            case TrustedLocal.NO:
                return
            case TrustedLocal.THIS_MACHINE if not self.endpoint.is_loopback:
                raise SpecError(
                    f"tier {self.name}: trusted_local: true is for servers on this machine, not {host}",
                    hint="give 127.0.0.1, ::1 or localhost; or, for a server in a network of your own, "
                    "trusted_local: private_network and allow_networks: [that network]",
                )
            case TrustedLocal.THIS_MACHINE if self.allow_private or self.allow_networks:
                raise SpecError(
                    f"tier {self.name}: a server on this machine needs no allow_private, no allow_networks",
                    hint="leave them out beside trusted_local: true",
                )
            case TrustedLocal.PRIVATE_NETWORK if self.allow_private or not self.allow_networks:
                raise SpecError(
                    f"tier {self.name}: trusted_local: private_network goes with the networks it is true of",
                    hint="write allow_networks: [10.1.0.0/16], and no allow_private",
                )
        for network in self._networks():
            if not network.is_private:
                raise SpecError(f"tier {self.name}: {network} is not private, so it cannot be trusted_local")
        if self.endpoint.model.endswith(_PASSED_ON):
            raise SpecError(
                f"tier {self.name}: Ollama has {self.endpoint.model!r} answered on other machines",
                hint="name a model that is there, as `ollama list` shows it; or leave trusted_local out",
            )


def _network(tier: str, text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise SpecError(
            f"tier {tier}: allow_networks holds {text!r}, which is no network: {error}",
            hint="write it as 10.1.0.0/16 or fd00:1::/64",
        ) from error
