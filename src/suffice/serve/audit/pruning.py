"""Removing old segments of a log for good: only what verifies, and only behind a signed statement of it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from suffice.certify.signature import Keys
from suffice.errors import NotCertified, OutputError
from suffice.files import writable
from suffice.serve.audit import pruned
from suffice.serve.audit.pruned import Pruned, Removal
from suffice.serve.audit.records import Kind
from suffice.serve.audit.segments import segments
from suffice.serve.audit.verify import verify

if TYPE_CHECKING:
    from suffice.clock import Clock
    from suffice.serve.audit.walk import Record


def prune(
    folder: Path, keys: Keys, clock: Clock, *, before: datetime, anchor: Path | None = None
) -> tuple[Removal | None, int]:
    """Removes the segments whose records all were written before a time; a gateway may be writing meanwhile.

    Returns what was removed, None for nothing, and how many files were. The newest segment stays, and so
    does the newest before a signed checkpoint.

    Raises:
        NotCertified: the log does not verify: nothing is removed.
        OutputError: the folder cannot be written to, or another process prunes this log.
    """
    with _alone(folder):
        past = pruned.read(folder, keys.private.public_key())
        seam = _Seams(before=before) if past is None else _Seams.after(past, before=before)
        found = verify(folder, keys.private.public_key(), anchor=anchor, visit=seam.take)
        if not found.holds:
            wrong = next(check for check in found.checks if not check.is_met)
            raise NotCertified(
                f"the log does not verify, so nothing is pruned: {wrong.name}: {wrong.detail}",
                hint=f"suffice audit-log verify {folder}",
            )
        # A checkpoint behind the seam must vouch for what is left.
        seams = [each for each in seam.found if each.seq < found.signed_seq]
        removal = None
        if seams:
            sealed = seams[-1].sealed(found.log, past, at=clock.now(), before=before)
            pruned.write(folder, sealed, keys)
            removal, past = sealed.removals[-1], sealed
        # Those of a prune that was interrupted too: they are no part of the log any more.
        return removal, 0 if past is None else _remove(folder, past.segment)


@dataclass(frozen=True, kw_only=True)
class _Seam:
    """A place between two segments, and what was known when the reader came there."""

    segment: int
    seq: int
    head: str
    length_bytes: int
    first_seq: int
    first_at: str
    last_at: str
    calls: int
    certificates: frozenset[str]
    former: frozenset[str]
    changed_at: str | None
    anchor: str

    def sealed(self, log: str, past: Pruned | None, *, at: datetime, before: datetime) -> Pruned:
        """Returns the statement that all before this place was removed."""
        removal = Removal(
            first_seq=self.first_seq,
            last_seq=self.seq,
            calls=self.calls,
            first_at=self.first_at,
            last_at=self.last_at,
            head=self.head,
            at=at.isoformat(),
            before=before.isoformat(),
        )
        return Pruned(
            log=log,
            segment=self.segment,
            length_bytes=self.length_bytes,
            removals=(*(() if past is None else past.removals), removal),
            certificates=tuple(sorted(self.certificates)),
            former=tuple(sorted(self.former)),
            changed_at=self.changed_at,
            anchor=self.anchor,
        )


@dataclass(kw_only=True)
class _Seams:
    """Looks for places between segments before which every record is old enough."""

    before: datetime
    found: list[_Seam] = field(default_factory=list)
    _is_old: bool = True
    _first: Record | None = None
    _last: datetime | None = None
    _calls: int = 0
    _certificates: frozenset[str] = frozenset()
    _former: frozenset[str] = frozenset()
    _changed_at: str | None = None
    _anchor: str = ""

    @classmethod
    def after(cls, past: Pruned, *, before: datetime) -> _Seams:
        """Returns one that goes on behind what was removed already."""
        return cls(
            before=before,
            _certificates=frozenset(past.certificates),
            _former=frozenset(past.former),
            _changed_at=past.changed_at,
            _anchor=past.anchor,
        )

    def take(self, record: Record) -> None:
        """Looks at the log's next record."""
        if self._first is None:
            self._first = record
        elif record["kind"] == Kind.SEGMENT and self._is_old:
            self.found.append(self._seam(self._first, record))
        at = datetime.fromisoformat(record["t"])
        self._is_old = self._is_old and at < self.before
        self._last = at if self._last is None else max(self._last, at)
        self._calls += record["kind"] == Kind.EVENT
        if record["kind"] == Kind.OPENED:
            self._anchor = record["anchor"]
        if record["kind"] == Kind.TERMS:
            certificates = frozenset(record["certificates"])
            if certificates != self._certificates:
                self._former, self._changed_at = self._certificates, record["t"]
            self._certificates = certificates

    def _seam(self, first: Record, record: Record) -> _Seam:
        return _Seam(
            segment=record["segment"] - 1,
            seq=record["seq"] - 1,
            head=record["before"],
            length_bytes=record["bytes_before"],
            first_seq=first["seq"],
            first_at=first["t"],
            last_at="" if self._last is None else self._last.isoformat(),
            calls=self._calls,
            certificates=self._certificates,
            former=self._former,
            changed_at=self._changed_at,
            anchor=self._anchor,
        )


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keeps other processes from pruning the same log."""
    with writable(folder):
        handle = os.open(folder / "prune-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise OutputError(
            f"another process prunes the audit log in {folder}", hint="wait until it has ended"
        ) from error
    finally:
        os.close(handle)


def _remove(folder: Path, last: int) -> int:
    """Removes the segments up to a number, oldest first; returns how many."""
    old = [path for number, path in segments(folder).items() if number <= last]
    with writable(folder):
        for path in old:
            path.unlink()
    return len(old)
