"""The files of a log, in order, and the place in one where writing goes on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from suffice.errors import ArtefactError
from suffice.serve.audit.chain import START, link, parse, take_apart
from suffice.serve.audit.records import Kind

_NAME = re.compile(r"audit-(\d{6,})\.jsonl")


def name_of(number: int) -> str:
    """Returns the file name of the segment with a number; the first is 1."""
    return f"audit-{number:06d}.jsonl"


def segments(folder: Path, *, after: int = 0) -> dict[int, Path]:
    """Returns the segments in a folder by their number, ascending: those after a number."""
    found = {}
    for path in folder.glob("audit-*.jsonl"):
        match = _NAME.fullmatch(path.name)
        if match is not None and path.name == name_of(int(match[1])):  # audit-0000001 shadows no audit-000001
            found[int(match[1])] = path
    return {number: found[number] for number in sorted(found) if number > after}


def lines(path: Path, *, after_bytes: int = 0) -> Iterator[bytes]:
    """Yields the lines of a file with their ends, from a place on; only the last may lack its end."""
    with path.open("rb") as file:
        file.seek(after_bytes)
        yield from file


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """Where a log ends: its name, its last segment, the sequence number and chain of its last record.

    `length_bytes` is that of all segments, `size_bytes` that of the last; `torn` is what stands there after
    its last whole line. `chains` are the chains of the last segment's records by their sequence number.
    """

    log: str
    segment: int
    seq: int
    head: bytes
    length_bytes: int
    size_bytes: int
    torn: bytes
    chains: dict[int, bytes]


def end_of(folder: Path) -> End | None:
    """Returns where the log in a folder ends, its last segment checked; None where there is no record.

    Raises:
        ArtefactError: the last segment's chain is broken.
    """
    newest: int | None = None
    torn = b""
    for number, path in sorted(segments(folder).items(), reverse=True):
        end = _end_in(number, path)
        if newest is None:
            newest = number
        if isinstance(end, End):
            size = end.size_bytes if number == newest else 0
            return replace(end, segment=newest, size_bytes=size, torn=torn or end.torn)
        torn = end  # a kill came before the segment's first line was whole
    return None


def _end_in(number: int, path: Path) -> End | bytes:
    """Returns where a segment ends, or the torn bytes of one that has no whole line."""
    log, head, seq, before_bytes, size, torn = "", START, -1, 0, 0, b""
    chains: dict[int, bytes] = {}
    for line in lines(path):
        if not line.endswith(b"\n"):
            torn = line
            break
        parts = take_apart(line[:-1])
        record = None if parts is None else parse(parts[0])
        if parts is None or record is None:
            raise _broken(path, seq + 1)
        if size == 0:
            if record.get("kind") != Kind.SEGMENT:
                raise _broken(path, seq + 1)
            log, before_bytes, seq = record["log"], record["bytes_before"], record["seq"] - 1
            head = bytes.fromhex(record["before"])
        if record.get("seq") != seq + 1 or link(head, parts[0]) != parts[1]:
            raise _broken(path, seq + 1)
        seq, head, size = seq + 1, parts[1], size + len(line)
        chains[seq] = head
    if not chains:
        return torn
    total = before_bytes + size
    return End(
        log=log,
        segment=number,
        seq=seq,
        head=head,
        length_bytes=total,
        size_bytes=size,
        torn=torn,
        chains=chains,
    )


def _broken(path: Path, seq: int) -> ArtefactError:
    return ArtefactError(
        f"the audit log is damaged: record {seq} in {path} does not fit the chain",
        hint=f"see `suffice audit-log verify {path.parent}`; move it and its anchor away to begin anew",
    )
