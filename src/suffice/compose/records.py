"""What a gateway writes down: the audit log first, then the store that pages read."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from suffice.certify.signature import Keys, keys_in
from suffice.clock import Clock
from suffice.files import writable
from suffice.serve.audit.keeper import Keeper
from suffice.serve.audit.log import AuditLog, Terms
from suffice.serve.audit.opening import open_log
from suffice.serve.audit.settings import AuditSettings
from suffice.serve.event import Event
from suffice.serve.journal import Recorder, source_of
from suffice.serve.privacy.settings import STANDARD_CLASSES
from suffice.serve.reply import Place
from suffice.serve.site.addresses import server_of
from suffice.serve.site.site import Site
from suffice.serve.store.opened import Store, open_store


@dataclass(frozen=True, kw_only=True)
class Records:
    """The open audit log and store."""

    site: Site
    keys: Keys
    log: AuditLog
    keeper: Keeper
    store: Store

    @property
    def public_key(self) -> Ed25519PublicKey:
        """Returns the key that the log's checkpoints are signed with."""
        return self.keys.private.public_key()

    def recorder(
        self, listeners: Sequence[Callable[[Event], None]], *, in_use: Callable[[], frozenset[str]]
    ) -> Recorder:
        """Returns the journal that tells both, and the listeners, of every ended call.

        `in_use` gives the sha256 of the certificates of what is served now.
        """
        return Recorder(
            log=self.log,
            keeper=self.keeper,
            writer=self.store.writer,
            listeners=listeners,
            in_use=in_use,
        )

    def declare(self, certificates: frozenset[str]) -> None:
        """Records under which policy, and by which certificates, calls are answered from here on."""
        self.log.declare(_terms(self.site, certificates))


@contextmanager
def opened_records(site: Site, *, clock: Clock) -> Iterator[Records]:
    """Opens the audit log and the store of a site; both are whole when the block is left.

    Raises:
        OutputError: a place that cannot be written to, a database that cannot be reached, or a log that
            another process writes.
        ArtefactError: a log that was changed; a database of a newer suffice.
    """
    with ExitStack() as stack:
        with writable(site.home):
            site.home.mkdir(parents=True, exist_ok=True, mode=0o700)  # what lies in it is its owner's alone
        keys = keys_in(site.home / "keys")
        log = open_log(audit_settings(site), keys, clock, _terms(site, frozenset()))
        keeper = Keeper(log, clock)
        stack.callback(keeper.close)
        store = stack.enter_context(open_store(site.store, clock, source=source_of(log)))
        yield Records(site=site, keys=keys, log=log, keeper=keeper, store=store)


def audit_settings(site: Site) -> AuditSettings:
    """Returns where a site's audit log lies, and what it holds."""
    return AuditSettings(
        folder=site.home / "audit",
        anchor=site.home / "audit-anchor.json",
        contents=site.audit.contents,
        required=site.audit.required,
    )


def _terms(site: Site, certificates: frozenset[str]) -> Terms:
    trusted = {
        server.name: "{}:{}".format(*server_of(server.endpoint.base_url))
        for server in site.upstreams
        if server.place is Place.TRUSTED_LOCAL
    }
    policy = {"privacy": asdict(site.privacy), "offline": site.offline, "trusted_local": trusted}
    looked_for = frozenset(STANDARD_CLASSES) | frozenset(site.privacy.classes)
    return Terms(policy=policy, looked_for=looked_for, certificates=certificates)
