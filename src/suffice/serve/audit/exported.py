"""A window of a log as one file that can be verified anywhere: a signed first line, then the records."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from suffice.certificate import STATEMENT_TYPE
from suffice.certify.signature import Keys, open_envelope, sign
from suffice.certify.verify import Check
from suffice.clock import Clock
from suffice.errors import ArtefactError, DataError, NotCertified
from suffice.files import whole_file
from suffice.serve.audit import pruned
from suffice.serve.audit.chain import parse, take_apart
from suffice.serve.audit.records import Kind
from suffice.serve.audit.segments import lines, segments
from suffice.serve.audit.walk import Record, Walk

PREDICATE_TYPE = "https://suffice.dev/audit-export/v1"
_MEMBER = "suffice_audit_export"


@dataclass(frozen=True, kw_only=True)
class Window:
    """What an exported file holds: records `first_seq` to `last_seq` of a log, and how they fit into it.

    `before` and `head` are the chains (hex) before and after them, `bytes_before` the log's length before
    them; `lines_sha256` is of their lines as they stand. Times are those of the first and last record.
    """

    log: str
    first_seq: int
    last_seq: int
    before: str
    head: str
    bytes_before: int
    segment: int
    lines_sha256: str
    first_at: str
    last_at: str
    exported_at: str


def export(
    folder: Path,
    out: Path,
    keys: Keys,
    clock: Clock,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Window:
    """Returns the window that was written to `out`: every record from `since` on and before `until`.

    It begins a little earlier, with the terms that held then. Only a log that holds is exported: verify
    it first.

    Raises:
        DataError: no record lies in the window.
        OutputError: the file cannot be written.
    """
    past = pruned.read(folder, keys.private.public_key())
    paths = list(segments(folder, after=0 if past is None else past.segment).values())
    window = _window(folder, paths, clock, (since, until))
    with whole_file(out) as beside, beside.open("wb") as file:
        file.write(json.dumps({_MEMBER: json.loads(_signed(window, keys))}).encode() + b"\n")
        for seq, line in _numbered(paths):
            if window.first_seq <= seq <= window.last_seq:
                file.write(line)
    return window


def check(path: Path, walk: Walk) -> Check:
    """Walks through an exported file, and returns whether its signed first line fits what follows."""
    read = lines(path)
    try:
        envelope = json.dumps(json.loads(next(read, b""))[_MEMBER])
    except (ValueError, KeyError, TypeError) as error:
        hint = "give the folder of a log, or an export"
        raise ArtefactError(f"{path} is no exported audit log", hint=hint) from error
    try:
        window = _opened(envelope, walk)
    except NotCertified as error:
        return Check(name="export", is_met=False, detail=error.message)
    walk.log, walk.seq, walk.segment = window.log, window.first_seq - 1, window.segment
    walk.head, walk.length_bytes = bytes.fromhex(window.before), window.bytes_before
    digest = hashlib.sha256()
    for line in read:
        digest.update(line)
        walk.line(line)
    found = (digest.hexdigest(), walk.seq, walk.head.hex())
    is_met = found == (window.lines_sha256, window.last_seq, window.head)
    detail = f"signed at {window.exported_at}: records {window.first_seq} to {window.last_seq}"
    detail = detail if is_met else f"the records are not those that were {detail}"
    return Check(name="export", is_met=is_met, detail=f"{detail} of log {window.log}")


def _window(
    folder: Path, paths: Sequence[Path], clock: Clock, span: tuple[datetime | None, datetime | None]
) -> Window:
    """Returns the window's statement; it begins with the terms that hold at its first record."""
    since, until = span
    digest = hashlib.sha256()
    start: dict[str, Any] = {}
    end: dict[str, Any] = {}
    first = _first(paths)
    before, length = bytes.fromhex(first["before"]), first["bytes_before"]
    segment, log = first["segment"] - 1, ""
    for seq, line in _numbered(paths):
        body, chain = take_apart(line[:-1]) or (b"", b"")
        record = parse(body) or {}
        at = datetime.fromisoformat(record["t"])
        if not start or (not end and record["kind"] == Kind.TERMS):
            start = {"first_seq": seq, "before": before.hex(), "bytes_before": length, "segment": segment}
            start["first_at"], digest = record["t"], hashlib.sha256()
        digest.update(line)
        if (since is None or at >= since) and (until is None or at < until):
            end = {"last_seq": seq, "head": chain.hex(), "last_at": record["t"]}
            end["lines_sha256"] = digest.hexdigest()
        before, length = chain, length + len(line)
        segment, log = record.get("segment", segment), record.get("log", log)
    if not end:
        raise DataError(
            f"no record of {folder} lies in this window", hint="choose --since and --until otherwise"
        )
    return Window(log=log, exported_at=clock.now().isoformat(), **start, **end)


def _first(paths: Sequence[Path]) -> Record:
    """Returns the first record of the first segment."""
    return parse(next(lines(paths[0]), b"")) or {}


def _numbered(paths: Sequence[Path]) -> Iterator[tuple[int, bytes]]:
    """Yields the whole lines of a log with their numbers."""
    every = (line for path in paths for line in lines(path))
    yield from ((seq, line) for seq, line in enumerate(every, _first(paths)["seq"]) if line.endswith(b"\n"))


def _signed(window: Window, keys: Keys) -> str:
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": f"audit-log/{window.log}", "digest": {"sha256": window.lines_sha256}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": asdict(window),
    }
    return sign(orjson.dumps(statement), keys)


def _opened(envelope: str, walk: Walk) -> Window:
    statement = orjson.loads(open_envelope(envelope, walk.trusted))
    if not isinstance(statement, dict) or statement.get("predicateType") != PREDICATE_TYPE:
        raise NotCertified("what was signed is no export of an audit log")
    return Window(**statement["predicate"])
