"""Events read back from a log's files, to give a store what a kill or a long outage kept from it."""

from collections.abc import Iterator
from pathlib import Path

from suffice.serve.audit.chain import parse, take_apart
from suffice.serve.audit.records import Kind, to_event
from suffice.serve.audit.segments import lines, segments
from suffice.serve.event import Event


def events_after(folder: Path, seq: int) -> Iterator[tuple[str, int, Event]]:
    """Yields the opening (`run`), the number and the event of every record after `seq`, in order.

    Ends at a line that is torn or being written. It does not check the chain: `verify` does.
    """
    for path in _from(folder, seq):
        run = ""
        for line in lines(path):
            parts = take_apart(line[:-1]) if line.endswith(b"\n") else None
            record = None if parts is None else parse(parts[0])
            if record is None:
                return
            run = record.get("run", run)
            if record["seq"] > seq and record["kind"] == Kind.EVENT:
                yield run, record["seq"], to_event(record["event"])


def _from(folder: Path, seq: int) -> list[Path]:
    """Returns the segments that may hold records after a number: from the last one that begins before it."""
    paths = list(segments(folder).values())
    for index in range(len(paths) - 1, 0, -1):
        first = parse(next(lines(paths[index]), b""))
        if first is not None and first["seq"] <= seq:
            return paths[index:]
    return paths
