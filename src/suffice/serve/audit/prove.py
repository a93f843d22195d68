"""What a log shows of a class of private data: how many calls held it, and whether one left the machine."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from suffice.errors import NotCertified
from suffice.serve.audit.records import Kind
from suffice.serve.audit.verify import Verification, verify
from suffice.serve.audit.walk import Record
from suffice.serve.errors import CLIENT_LEFT
from suffice.serve.event import UNINSPECTED
from suffice.serve.reply import SENT, Place

_TRUSTED = Place.TRUSTED_LOCAL.value
# Statuses of calls that ended while tiers were asked: nobody knows which of them had it by then.
_BROKEN_OFF = frozenset({CLIENT_LEFT, 500})


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A policy that was on from a record on: its sha256, and whether the class was looked for under it."""

    from_seq: int
    sha256: str
    is_looked_for: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Trusted:
    """A server that the site trusted as local: its tier, its `host:port`, and what it was sent of the window.

    `addresses` are all that the tier had. Of the `calls` it was sent, `with_class` held the class. Calls that
    were broken off are among them: it may have been sent those.
    """

    tier: str
    addresses: tuple[str, ...]
    calls: int
    with_class: int


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What the log says of one class of private data, over the window it covers.

    The window is records `first_seq` to `last_seq`, the last one that a signature vouches for, written
    from `first_at` to `last_at`. Of the window's `calls`, `with_class` held the class; of these `left`
    were sent to a tier that is remote, `left_masked` of them masked. `not_looked` calls came while the class
    was not looked for, or left with parts that nobody could look into: nothing is known of them. `unsigned`
    calls came after the window, `unsigned_left` of them held the class and left. `known_classes` are
    those that were ever looked for or found. `trusted` are the servers that the site trusted as local:
    what they were sent counts as stayed, on the site's word; the gateway cannot see what they pass on.
    """

    data_class: str
    first_seq: int
    last_seq: int
    first_at: str
    last_at: str
    calls: int
    with_class: int
    left: int
    left_masked: int
    not_looked: int
    unsigned: int
    unsigned_left: int
    examples: tuple[int, ...]
    policies: tuple[Policy, ...]
    known_classes: frozenset[str]
    trusted: tuple[Trusted, ...]
    verification: Verification

    @property
    def holds(self) -> bool:
        """Says whether the log shows that no call with the class left, masked or not."""
        return self.calls > 0 and not (self.left or self.not_looked or self.unsigned_left)

    @property
    def is_unknown(self) -> bool:
        """Says whether the log shows neither that one left nor that none did."""
        return not (self.holds or self.left or self.unsigned_left)

    @property
    def verdict(self) -> str:
        """Returns the verdict in words."""
        if self.left or self.unsigned_left:
            return f"{self.left + self.unsigned_left} calls with {self.data_class} left this machine"
        if self.not_looked:
            return f"unknown: {self.data_class} was not looked for in {self.not_looked} calls"
        if not self.calls:
            return f"unknown: the window holds no signed call{self._but}"
        stayed = f"none of the {self.with_class} calls with {self.data_class} left this machine{self._but}"
        asked = [server for server in self.trusted if server.with_class]
        if not asked:
            return stayed
        told = ", ".join(
            f"{one.tier} at {' and '.join(one.addresses)} was sent {one.with_class}" for one in asked
        )
        return f"{stayed} and the servers that the site trusts as local ({told} of them)"

    @property
    def _but(self) -> str:
        """Returns what the verdict cannot speak of: records that were pruned."""
        removals = self.verification.pruned
        if not removals:
            return ""
        return f" (nothing is shown of the records up to {removals[-1].last_seq}, which were pruned)"


@dataclass(slots=True)
class _Tally:
    """One call, as far as the question needs it."""

    seq: int
    at: str
    has_class: bool
    left: bool
    masked: bool
    is_looked_for: bool
    sent_to_trusted: frozenset[str]


@dataclass(kw_only=True)
class _Reader:
    """Gathers from records what the question needs."""

    data_class: str
    since: datetime | None
    until: datetime | None
    calls: list[_Tally] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    addresses: dict[str, dict[str, None]] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        if record["kind"] == Kind.TERMS:
            self.known.update(record["looked_for"])
            for tier, address in record["policy"].get(_TRUSTED, {}).items():
                self.addresses.setdefault(tier, {})[address] = None
            policy = Policy(
                from_seq=record["seq"],
                sha256=record["policy_sha256"],
                is_looked_for=self.data_class in record["looked_for"],
            )
            last = self.policies[-1] if self.policies else None
            if last is None or (last.sha256, last.is_looked_for) != (policy.sha256, policy.is_looked_for):
                self.policies.append(policy)
        if record["kind"] != Kind.EVENT:
            return
        at = datetime.fromisoformat(record["t"])
        if (self.since is not None and at < self.since) or (self.until is not None and at >= self.until):
            return
        event = record["event"]
        self.known.update(event["data_classes"])
        looked = bool(self.policies) and self.policies[-1].is_looked_for
        # A picture, or a text that took too long: whoever let it go does not know what was in it.
        looked = looked and not (event["left_machine"] and UNINSPECTED in event["data_classes"])
        has_class = self.data_class in event["data_classes"]
        sent_to_trusted = frozenset(
            step["tier"] for step in event["steps"] if step["place"] == _TRUSTED and step["verdict"] in SENT
        )
        if event["status"] in _BROKEN_OFF and not event["steps"]:
            sent_to_trusted = frozenset(self.addresses)
        left = event["left_machine"]
        self.calls.append(
            _Tally(record["seq"], record["t"], has_class, left, event["masked"], looked, sent_to_trusted)
        )

    def trusted(self, calls: Sequence[_Tally]) -> tuple[Trusted, ...]:
        """Returns the servers that were trusted, with what they were sent of these calls."""
        tiers = sorted(self.addresses.keys() | {tier for call in calls for tier in call.sent_to_trusted})
        return tuple(
            Trusted(
                tier=tier,
                addresses=tuple(self.addresses.get(tier, ("an address that is not told",))),
                calls=sum(tier in call.sent_to_trusted for call in calls),
                with_class=sum(tier in call.sent_to_trusted and call.has_class for call in calls),
            )
            for tier in tiers
        )


def prove_never_left(
    place: Path,
    trusted: Ed25519PublicKey,
    data_class: str,
    *,
    anchor: Path | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Proof:
    """Returns what a log, or an exported window, shows of calls that held a class of private data.

    Raises:
        NotCertified: the log does not verify, so it shows nothing.
        ArtefactError: there is no log.
    """
    reader = _Reader(data_class=data_class, since=since, until=until)
    found = verify(place, trusted, anchor=anchor, visit=reader.take)
    if not found.holds:
        wrong = next(check for check in found.checks if not check.is_met)
        raise NotCertified(
            f"the log does not verify, so it shows nothing: {wrong.name}: {wrong.detail}",
            hint=f"suffice audit-log verify {place}",
        )
    signed_seq = found.last_seq if place.is_file() else found.signed_seq  # an export is signed as a whole
    calls = [call for call in reader.calls if call.seq <= signed_seq]
    later = [call for call in reader.calls if call.seq > signed_seq]
    held = [call for call in calls if call.has_class]
    left = [call for call in held if call.left]
    later_left = [call for call in later if call.has_class and call.left]
    return Proof(
        data_class=data_class,
        first_seq=calls[0].seq if calls else -1,
        last_seq=calls[-1].seq if calls else -1,
        first_at=calls[0].at if calls else "",
        last_at=calls[-1].at if calls else "",
        calls=len(calls),
        with_class=len(held),
        left=len(left),
        left_masked=sum(call.masked for call in left),
        not_looked=sum(not call.is_looked_for for call in calls),
        unsigned=len(later),
        unsigned_left=len(later_left),
        examples=tuple(call.seq for call in [*left, *later_left][:10]),
        policies=tuple(reader.policies),
        known_classes=frozenset(reader.known),
        trusted=reader.trusted(calls),
        verification=found,
    )
