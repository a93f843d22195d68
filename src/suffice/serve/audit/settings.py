"""Where the audit log lies, what it holds, and how often it is made durable and signed."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class AuditSettings:
    """Settings of the audit log.

    `folder` holds the segments; `anchor` is a file elsewhere, best on another disk, that gets a copy of
    the newest checkpoint. `contents`: requests and answers themselves are written, not only their
    sha256. `required`: no call is answered whose record could not be written.
    Every `sync_s` seconds what was written is made durable (fsync), so a power cut takes back at most
    what came since; every `checkpoint_s` seconds, or once `checkpoint_records` came, a checkpoint is
    signed. A segment is closed when it is larger than `segment_bytes`. While the disk refuses,
    `held_records` are held in memory.
    """

    folder: Path
    anchor: Path
    contents: bool = False
    required: bool = True
    sync_s: float = 1.0
    checkpoint_s: float = 10.0
    checkpoint_records: int = 10_000
    segment_bytes: int = 64 << 20
    held_records: int = 10_000
