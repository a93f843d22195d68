"""The audit log as the gateway writes it: a line a call, in the file before the reply's last byte is sent."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from suffice import fingerprint
from suffice.certify.signature import Keys
from suffice.clock import Clock
from suffice.errors import OutputError
from suffice.files import write_text
from suffice.serve.audit import checkpoints
from suffice.serve.audit.chain import body_of, line_of, link
from suffice.serve.audit.checkpoints import Checkpoint
from suffice.serve.audit.records import Kind, event_fields
from suffice.serve.audit.segments import name_of
from suffice.serve.audit.settings import AuditSettings
from suffice.serve.event import Event


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Under what calls are answered.

    The policy, the classes of private data that are looked for, and the sha256 of the certificates in use.
    """

    policy: Mapping[str, Any] = field(default_factory=dict)
    looked_for: frozenset[str] = frozenset()
    certificates: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditHealth:
    """How the log fares.

    `why` it cannot be written ("" for all well), how many records are held in memory until it can, how many
    were lost for want of room, and `anchor_why` the anchor could not be written.
    """

    why: str = ""
    held: int = 0
    lost: int = 0
    anchor_why: str = ""


@dataclass(slots=True)
class Position:
    """Where the log stands: the next record's number, the chain so far, and bytes."""

    log: str
    segment: int
    seq: int
    head: bytes
    length_bytes: int
    size_bytes: int


class AuditLog:
    """An open log; one process at a time. `open_log` makes it.

    `write` may be called from one thread while another syncs and signs (`keeper.Keeper`).
    """

    def __init__(
        self, settings: AuditSettings, keys: Keys, clock: Clock, *, position: Position, run: str, lock: int
    ) -> None:
        self.settings = settings
        self.run = run
        self._keys, self._clock = keys, clock
        self._at = position
        self._process_lock = lock
        self._lock = threading.Lock()
        self._held: list[bytes] = []
        self._why, self._sync_why, self._anchor_why, self._lost = "", "", "", 0
        self._terms = Terms()
        self._last: Checkpoint | None = None
        self._anchored_seq = -1
        self._signed_seq = -1
        self._is_dirty = False
        self._file = self._open(position.segment)

    @property
    def log(self) -> str:
        """Returns the log's name: random, made with its first record."""
        return self._at.log

    @property
    def terms(self) -> Terms:
        """Returns the terms that were declared last."""
        return self._terms

    @property
    def seq(self) -> int:
        """Returns the number of the newest record; -1 for none."""
        return self._at.seq - 1

    @property
    def last(self) -> Checkpoint | None:
        """Returns the newest checkpoint of this opening."""
        return self._last

    def write(self, event: Event) -> tuple[int, bool] | None:
        """Returns the record's number, and whether it is in the file: else it is held until it can be.

        None where there is no room to hold it: it is lost, and `health` counts it. Never raises OSError.
        """
        fields = {"event": event_fields(event, contents=self.settings.contents)}
        return self._append(Kind.EVENT, fields)

    def declare(self, terms: Terms) -> None:
        """Records the terms that hold from here on."""
        with self._lock:
            self._terms = terms
            self._add(Kind.TERMS, _terms_fields(terms))

    @property
    def why(self) -> str:
        """Returns why the log cannot be written now, "" for all well."""
        return self._why or self._sync_why

    def health(self) -> AuditHealth:
        """Returns how the log fares now."""
        return AuditHealth(
            why=self.why,
            held=len(self._held),
            lost=self._lost,
            anchor_why=self._anchor_why,
        )

    @property
    def unsigned(self) -> int:
        """Returns how many records came after the newest checkpoint."""
        return self._at.seq - 1 - self._signed_seq

    def retry(self) -> None:
        """Writes what is held, as far as the disk takes it."""
        with self._lock:
            while self._held:
                if not self._to_file(self._held[0]):
                    return
                del self._held[0]
            self._why = ""

    def sync(self) -> None:
        """Makes what was written durable (fsync); what fails shows in `health`."""
        if not self._is_dirty:
            return
        self._is_dirty = False  # what is written from here on is for the next time
        try:
            os.fsync(self._file)
        except OSError as error:
            self._is_dirty, self._sync_why = True, f"cannot sync: {error.strerror}"
        else:
            self._sync_why = ""

    def checkpoint(self) -> None:
        """Signs where the log stands, records that, makes it durable, and then copies it to the anchor."""
        with self._lock:
            at = self._at
            if self._held or at.seq == 0:
                return  # what is not in the file yet cannot be vouched for
            point = Checkpoint(
                log=at.log,
                seq=at.seq - 1,
                head=at.head.hex(),
                length_bytes=at.length_bytes,
                at=self._clock.now().isoformat(),
                certificates=tuple(sorted(self._terms.certificates)),
                anchored_seq=self._anchored_seq,
            )
        envelope = checkpoints.signed(point, self._keys)  # not under the lock: calls go on meanwhile
        recorded = self._append(Kind.CHECKPOINT, {"envelope": envelope})
        self.sync()
        if recorded is None or not recorded[1] or self._sync_why:
            return  # the anchor never knows more than the disk
        self._last, self._signed_seq = point, recorded[0]
        try:
            write_text(self.settings.anchor, envelope)
        except OutputError as error:
            self._anchor_why = error.message
        else:
            self._anchor_why, self._anchored_seq = "", point.seq

    def rotate(self) -> None:
        """Goes on in a new file where the present one is large enough."""
        if self._at.size_bytes < self.settings.segment_bytes or self._held:
            return
        self.checkpoint()
        with self._lock:
            old, number = self._file, self._at.segment + 1
            try:
                self._file = self._open(number)
            except OSError as error:
                self._why = f"cannot begin {name_of(number)}: {error.strerror}"
                return
            self._at.segment, self._at.size_bytes = number, 0
            self._add(Kind.SEGMENT, self._segment_fields())
            self._add(Kind.TERMS, _terms_fields(self._terms))
        os.fsync(old)
        os.close(old)
        _sync_folder(self.settings.folder)

    def begin(self, fields: dict[str, Any]) -> None:
        """Records that a gateway opened the log; the first line of an empty segment comes before that."""
        with self._lock:
            if self._at.size_bytes == 0:
                self._add(Kind.SEGMENT, self._segment_fields())
            self._add(Kind.OPENED, {"run": self.run, **fields})
        _sync_folder(self.settings.folder)

    def close(self) -> None:
        """Signs a last checkpoint and lets another process write."""
        if self._file < 0:
            return
        self.retry()
        self._append(Kind.CLOSED, {})
        self.checkpoint()
        os.close(self._file)
        os.close(self._process_lock)
        self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _segment_fields(self) -> dict[str, Any]:
        at = self._at
        place = {"log": at.log, "run": self.run, "segment": at.segment}
        return {**place, "before": at.head.hex(), "bytes_before": at.length_bytes}

    def _append(self, kind: Kind, fields: dict[str, Any]) -> tuple[int, bool] | None:
        with self._lock:
            return self._add(kind, fields)

    def _add(self, kind: Kind, fields: dict[str, Any]) -> tuple[int, bool] | None:
        at = self._at
        if len(self._held) >= self.settings.held_records:
            self._lost += 1
            return None
        seq = at.seq
        body = body_of({"seq": seq, "t": self._clock.now(), "kind": kind, **fields})
        at.head = link(at.head, body)
        line = line_of(body, at.head)
        at.seq = seq + 1
        at.length_bytes += len(line)
        if self._held or not self._to_file(line):
            self._held.append(line)
            return seq, False
        return seq, True

    def _to_file(self, line: bytes) -> bool:
        """Writes a line whole or not at all."""
        try:
            written = os.write(self._file, line)
            if written < len(line):
                os.ftruncate(self._file, self._at.size_bytes)
                self._why = "the disk is full"
                return False
        except OSError as error:
            self._why = error.strerror or str(error)
            return False
        self._at.size_bytes += written
        self._is_dirty = True
        return True

    def _open(self, number: int) -> int:
        path = self.settings.folder / name_of(number)
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _terms_fields(terms: Terms) -> dict[str, Any]:
    policy = dict(terms.policy)
    return {
        "policy": policy,
        "policy_sha256": fingerprint.of_value(policy),
        "looked_for": sorted(terms.looked_for),
        "certificates": sorted(terms.certificates),
    }


def _sync_folder(folder: Path) -> None:
    """Makes the names of new files durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
