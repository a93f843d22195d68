"""Opening a log to write: the last process's end is found and checked, and no other process may write."""

import contextlib
import fcntl
import hashlib
import os
import secrets
from pathlib import Path

from suffice.certify.signature import Keys
from suffice.clock import Clock
from suffice.errors import ArtefactError, NotCertified, OutputError, SpecError
from suffice.files import writable
from suffice.serve.audit import checkpoints, pruned
from suffice.serve.audit.chain import START, parse
from suffice.serve.audit.checkpoints import Checkpoint
from suffice.serve.audit.log import AuditLog, Position, Terms
from suffice.serve.audit.records import Kind
from suffice.serve.audit.segments import End, end_of, lines, name_of, segments
from suffice.serve.audit.settings import AuditSettings


def open_log(settings: AuditSettings, keys: Keys, clock: Clock, terms: Terms) -> AuditLog:
    """Returns the log, its opening recorded and signed; a line that a kill tore is cut off and recorded.

    Raises:
        OutputError: the folder cannot be written to, or another process writes this log.
        ArtefactError: the log that lies there was damaged, cut or exchanged: nothing is added to it.
        SpecError: the anchor lies in the log's folder.
    """
    folder = settings.folder
    if settings.anchor.resolve().is_relative_to(folder.resolve()):
        raise SpecError(
            f"the anchor {settings.anchor} lies in the audit log's own folder",
            hint="choose a place elsewhere, best on another disk",
        )
    with writable(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = _lock(folder)
    try:
        end, anchor = end_of(folder), _anchored(settings.anchor, keys)
        if anchor is not None:
            _check(anchor, end, settings)
        else:
            _check_unanchored(settings, keys)
        with writable(folder):
            return _begun(settings, keys, clock, lock=lock, end=end, anchor=anchor, terms=terms)
    except BaseException:
        os.close(lock)
        raise


def _begun(  # noqa: PLR0913 - everything that was found out about the log
    settings: AuditSettings,
    keys: Keys,
    clock: Clock,
    *,
    lock: int,
    end: End | None,
    anchor: Checkpoint | None,
    terms: Terms,
) -> AuditLog:
    if end is None:
        position = Position(
            log=secrets.token_hex(16), segment=1, seq=0, head=START, length_bytes=0, size_bytes=0
        )
    else:
        position = Position(
            log=end.log,
            segment=end.segment,
            seq=end.seq + 1,
            head=end.head,
            length_bytes=end.length_bytes,
            size_bytes=end.size_bytes,
        )
    torn = b"" if end is None else end.torn
    last = settings.folder / name_of(position.segment)
    if last.exists():
        os.truncate(last, position.size_bytes)
    log = AuditLog(settings, keys, clock, position=position, run=secrets.token_hex(8), lock=lock)
    log.begin(
        {
            "signer": keys.key_id,
            "anchor": str(settings.anchor.resolve()),
            "anchored_seq": None if anchor is None else anchor.seq,
            "torn_bytes": len(torn),
            "torn_sha256": hashlib.sha256(torn).hexdigest() if torn else None,
        }
    )
    log.declare(terms)
    log.checkpoint()
    return log


def _anchored(path: Path, keys: Keys) -> Checkpoint | None:
    """Returns the checkpoint in the anchor file, None where there is no such file."""
    try:
        envelope = path.read_text(errors="replace")
    except FileNotFoundError:
        return None
    try:
        return checkpoints.opened(envelope, keys.private.public_key())
    except NotCertified as error:
        raise ArtefactError(
            f"the audit log's anchor {path} cannot be trusted: {error.message}",
            hint="give the key that signed it, or move the anchor and the log's folder away to begin anew",
        ) from error


def _was_anchored(folder: Path, keys: Keys) -> bool:
    """Says whether the log tells that it had an anchor: read as a whole, and only where there is none now.

    One that was pruned had one: else it would not have verified. Who removed the anchor may have cut every
    record that says so.
    """
    if pruned.lies_in(folder):
        return True
    for path in segments(folder).values():
        for line in lines(path):
            record = parse(line.strip()) or {}
            if record.get("kind") == Kind.OPENED and record.get("anchored_seq") is not None:
                return True
            if record.get("kind") != Kind.CHECKPOINT:
                continue
            with contextlib.suppress(NotCertified):
                if checkpoints.opened(record["envelope"], keys.private.public_key()).anchored_seq >= 0:
                    return True
    return False


def _check_unanchored(settings: AuditSettings, keys: Keys) -> None:
    """Refuses a log that lost its anchor: a new one would vouch for whatever is left."""
    if _was_anchored(settings.folder, keys):
        raise ArtefactError(
            f"the audit log in {settings.folder} had an anchor, and there is none at {settings.anchor}: "
            "without it nobody can say that the log's tail is whole",
            hint="put the anchor back, or move the log's folder away to begin anew",
        )


def _check(anchor: Checkpoint, end: End | None, settings: AuditSettings) -> None:
    """Refuses a log that is not the one the anchor knows."""
    found = ""
    if end is None:
        found = "the folder is empty"
    elif end.log != anchor.log:
        found = f"the folder holds another log, {end.log}"
    elif end.seq < anchor.seq:
        found = f"the folder's log ends with record {end.seq}"
    elif anchor.seq in end.chains and end.chains[anchor.seq].hex() != anchor.head:
        found = f"record {anchor.seq} in the folder is another one"
    if found:
        known = f"the anchor {settings.anchor} knows the audit log {anchor.log} up to record {anchor.seq}"
        raise ArtefactError(
            f"{known}, but {found}",
            hint=f"see `suffice audit-log verify {settings.folder}`; move both away to begin anew",
        )


def _lock(folder: Path) -> int:
    """Returns a lock on a folder, held until it is closed or the process ends."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(handle, 20).decode("ascii", "replace").strip()
        os.close(handle)
        by = f"process {holder}" if holder.isdigit() else "another process"
        home = folder.parent
        other = home.with_name(f"{home.name}-2")
        raise OutputError(
            f"the gateway's home {home} is taken: {by} writes the audit log in it",
            hint=f"end that gateway, or give this one a home of its own: --home {other}",
        ) from error
    os.truncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())  # for the words above alone: the lock is the system's
    return handle
