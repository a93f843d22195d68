"""Reading through a log: every record, checkpoint and segment held against the others."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from suffice.errors import NotCertified
from suffice.serve.audit import checkpoints
from suffice.serve.audit.chain import START, link, parse, take_apart
from suffice.serve.audit.checkpoints import Checkpoint
from suffice.serve.audit.pruned import Pruned
from suffice.serve.audit.records import Kind

_MOST_PROBLEMS = 20  # of one sort: a log that is no log would else fill the screen
# A call that began before a reload may end after it, under the certificate it began with.
_DRAINING = timedelta(minutes=10)

SEGMENTS, CHAIN, CHECKPOINTS, CERTIFICATES = "segments", "chain", "checkpoints", "certificates"
SORTS = (SEGMENTS, CHAIN, CHECKPOINTS, CERTIFICATES)

Record = dict[str, Any]


@dataclass(kw_only=True)
class Walk:
    """What walking through a log has shown so far.

    `seq` and `head` are of the last record, `plain_seq` is that of the last which is no checkpoint, `heads`
    the chains and lengths since the newest checkpoint. `torn_bytes` stand after the last whole line.
    `clock_back_s` is the longest step back in time, 0 for none; `pruned_segment` the last segment that was
    removed on purpose, 0 for none.
    """

    trusted: Ed25519PublicKey
    visit: Callable[[Record], None]
    log: str = ""
    first_seq: int | None = None
    seq: int = -1
    plain_seq: int = -1
    head: bytes = START
    length_bytes: int = 0
    segment: int = 0
    events: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    checkpoint: Checkpoint | None = None
    checkpoints: int = 0
    torn_bytes: int = 0
    clock_back_s: float = 0.0
    missing_anchors: int = 0
    tears: int = 0
    heads: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=lambda: {sort: [] for sort in SORTS})
    _certificates: frozenset[str] = frozenset()
    _before: frozenset[str] = frozenset()
    _changed_at: datetime | None = None
    _changes: list[tuple[int, frozenset[str]]] = field(default_factory=lambda: [(-1, frozenset())])
    pruned_segment: int = 0
    _was_anchored: bool = False

    def begin_after(self, pruned: Pruned) -> None:
        """Goes on where the records end that were removed."""
        self.log, self.segment, self.pruned_segment = pruned.log, pruned.segment, pruned.segment
        self.seq, self.head, self.length_bytes = pruned.seq, pruned.head, pruned.length_bytes
        self.heads[pruned.seq] = (pruned.head, pruned.length_bytes)
        self._certificates, self._before = frozenset(pruned.certificates), frozenset(pruned.former)
        self._changed_at = None if pruned.changed_at is None else datetime.fromisoformat(pruned.changed_at)
        self._changes = [(pruned.seq, self._certificates)]
        self._was_anchored = True  # a log without an anchor does not verify, and is not pruned

    def line(self, line: bytes) -> None:
        """Takes in the next line of the log, with its end; one without is torn, and must be the last."""
        if self.torn_bytes:
            self.problem(CHAIN, f"after record {self.seq} a line is broken off, and others follow")
            self.torn_bytes = 0
        if not line.endswith(b"\n"):
            self.torn_bytes = len(line)
            return
        parts = take_apart(line[:-1])
        record = None if parts is None else parse(parts[0])
        if parts is None or record is None or not isinstance(record.get("seq"), int):
            self.problem(CHAIN, f"record {self.seq + 1} is no record: its line was changed")
            self.length_bytes += len(line)
            return
        body, chain = parts
        if record.get("kind") == Kind.SEGMENT:
            self._understood(self._begin_segment, record)
        self._link(record["seq"], body, chain)
        self.seq, self.head = record["seq"], chain
        self.length_bytes += len(line)
        self.heads[self.seq] = (chain, self.length_bytes)
        if self.first_seq is None:
            self.first_seq = self.seq
        for take in (self._tell_time, self._take, self.visit):
            self._understood(take, record)

    def problem(self, sort: str, words: str) -> None:
        """Notes something that does not hold."""
        if len(self.problems[sort]) < _MOST_PROBLEMS:
            self.problems[sort].append(words)

    def _understood(self, take: Callable[[Record], None], record: Record) -> None:
        """Shows a record to who reads it; one without the members of its kind was made by somebody else."""
        try:
            take(record)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self.problem(CHAIN, f"record {record['seq']} is none that a gateway writes: {error!r}")

    def _link(self, seq: int, body: bytes, chain: bytes) -> None:
        expected = self.seq + 1
        if seq > expected:
            self.problem(CHAIN, f"records {expected} to {seq - 1} are missing")
        elif seq < expected:
            self.problem(CHAIN, f"record {seq} stands where record {expected} should: it was put in or moved")
        elif link(self.head, body) != chain:
            self.problem(CHAIN, f"record {seq} does not fit the chain: it or the one before it was changed")

    def _begin_segment(self, record: Record) -> None:
        number, log = record["segment"], record["log"]
        if self.segment == 0:
            self.log = log
            if number != 1:
                self.problem(SEGMENTS, f"the log begins with segment {number}: those before it are missing")
                self.seq, self.length_bytes = record["seq"] - 1, record["bytes_before"]
                self.head = bytes.fromhex(record["before"])
        elif number != self.segment + 1:
            self.problem(SEGMENTS, f"segment {number} follows segment {self.segment}: there is a gap")
        if log != self.log:
            self.problem(SEGMENTS, f"segment {number} is of another log, {log}")
        if record["before"] != self.head.hex() or record["bytes_before"] != self.length_bytes:
            self.problem(SEGMENTS, f"segment {number} does not go on where the one before it ends")
        self.segment = number

    def _tell_time(self, record: Record) -> None:
        at = datetime.fromisoformat(record["t"])
        if self.first_at is None:
            self.first_at = at
        if self.last_at is not None and at < self.last_at:
            self.clock_back_s = max(self.clock_back_s, (self.last_at - at).total_seconds())
        self.last_at = at

    def _take(self, record: Record) -> None:
        if record["kind"] != Kind.CHECKPOINT:
            self.plain_seq = record["seq"]
        match record["kind"]:
            case Kind.EVENT:
                self.events += 1
                self._certificate(record)
            case Kind.CHECKPOINT:
                self._checkpoint(record)
            case Kind.TERMS:
                self._change_terms(record)
            case Kind.OPENED:
                point = self.checkpoint
                had_one = self._was_anchored if point is None else point.anchored_seq >= 0
                self.missing_anchors += had_one and record["anchored_seq"] is None
                self.tears += record["torn_bytes"] > 0

    def _change_terms(self, record: Record) -> None:
        certificates = frozenset(record["certificates"])
        if certificates != self._certificates:  # a new file repeats them
            self._before, self._changed_at = self._certificates, self.last_at
            self._changes.append((record["seq"], certificates))
        self._certificates = certificates

    def _certificate(self, record: Record) -> None:
        named = record["event"]["certificate"]
        if named is None or named in self._certificates:
            return
        at = datetime.fromisoformat(record["t"])
        is_draining = self._changed_at is not None and at - self._changed_at <= _DRAINING
        if not (is_draining and named in self._before):
            self.problem(
                CERTIFICATES,
                f"record {record['seq']} names the certificate {named[:16]}, which was not in use then",
            )

    def _checkpoint(self, record: Record) -> None:
        name = f"the checkpoint in record {record['seq']}"
        try:
            point = checkpoints.opened(record["envelope"], self.trusted)
        except NotCertified as error:
            self.problem(CHECKPOINTS, f"{name}: {error.message}")
            return
        for words in self.misfits(point):
            self.problem(CHECKPOINTS, f"{name} {words}")
        if self.checkpoint is not None and point.seq <= self.checkpoint.seq:
            self.problem(CHECKPOINTS, f"{name} is an older one, of record {point.seq}: replayed")
        while len(self._changes) > 1 and self._changes[1][0] <= point.seq:
            del self._changes[0]  # others may have come between signing and recording it: those stay
        is_known = point.seq >= (self.first_seq or 0)  # an exported window may begin after it
        if is_known and frozenset(point.certificates) != self._changes[0][1]:
            self.problem(CERTIFICATES, f"{name} names other certificates than were in use then")
        self.checkpoint, self.checkpoints = point, self.checkpoints + 1
        self.heads = {seq: head for seq, head in self.heads.items() if seq >= point.seq}

    def misfits(self, point: Checkpoint) -> list[str]:
        """Returns what a signed checkpoint says otherwise than this log does."""
        if point.log != self.log:
            return [f"is of another log, {point.log}"]
        if point.seq > self.seq:
            return [f"knows records up to {point.seq}, the log ends with {self.seq}: its tail was cut"]
        if point.seq not in self.heads:
            return []  # before the newest checkpoint, which vouches for it
        head, length_bytes = self.heads[point.seq]
        if (head.hex(), length_bytes) != (point.head, point.length_bytes):
            return [f"knows another record {point.seq}: the log up to there was changed"]
        return []
