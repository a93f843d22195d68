"""A log with a few calls in it, and what is needed to write and to check one."""

import pytest

from suffice.certify.signature import keys_in
from suffice.clock import FakeClock
from suffice.serve.audit.log import Terms
from suffice.serve.audit.opening import open_log
from suffice.serve.audit.settings import AuditSettings
from tests.unit.serve.made_events import NOON, SHA, made_events

TERMS = Terms(
    policy={"phi": "local_only"}, looked_for=frozenset({"phi", "email"}), certificates=frozenset({SHA})
)


class Bench:
    """One log's places and key; opens it as a gateway would."""

    def __init__(self, root, name="log"):
        self.folder = root / name
        self.anchor = root / f"{name}.anchor.json"
        self.keys = keys_in(root / "keys")
        self.key = self.keys.private.public_key()

    def open(self, clock=None, terms=TERMS, **changes):
        """Opens the log to write."""
        settings = AuditSettings(folder=self.folder, anchor=self.anchor, **changes)
        return open_log(settings, self.keys, clock or FakeClock(NOON), terms)

    def write(self, count=10, *, close=True, **changes):
        """Writes events with a checkpoint after every third, and closes (or leaves as a kill would)."""
        log = self.open(**changes)
        for number, event in enumerate(made_events(count), start=1):
            log.write(event)
            if number % 3 == 0:
                log.checkpoint()
                log.rotate()
        if close:
            log.close()
        return log

    @property
    def file(self):
        """The only segment."""
        (path,) = self.folder.glob("audit-*.jsonl")
        return path

    def lines(self):
        """Returns the segment's lines, with their ends."""
        return self.file.read_bytes().splitlines(keepends=True)

    def rewrite(self, lines):
        """Writes lines over the segment."""
        self.file.write_bytes(b"".join(lines))


@pytest.fixture
def bench(tmp_path):
    """A place for a log."""
    return Bench(tmp_path)
