"""The gateway's own audit log, as the pages see it."""

import asyncio
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from suffice.clock import Clock
from suffice.errors import ArtefactError
from suffice.serve.audit.log import AuditLog
from suffice.serve.audit.verify import Verification as Found
from suffice.serve.audit.verify import verify
from suffice.web.sources import CheckFacts, Checkpoint, Verification


class KeptLog:
    """Reads the log that this gateway writes; verifies it in a thread, one at a time.

    `trusted` is the key whose checkpoints count.
    """

    def __init__(self, log: AuditLog, trusted: Ed25519PublicKey, clock: Clock) -> None:
        self._log, self._trusted, self._clock = log, trusted, clock
        self._turn = asyncio.Lock()

    async def last(self) -> Checkpoint | None:
        """Returns the newest checkpoint since the gateway was started."""
        point = self._log.last
        if point is None:
            return None
        return Checkpoint(
            records=point.seq + 1,
            head=point.head,
            at=datetime.fromisoformat(point.at),
            folder=str(self._log.settings.folder),
            anchor=str(self._log.settings.anchor),
        )

    async def verify(self) -> Verification:
        """Returns every check made on the whole log."""
        settings = self._log.settings
        async with self._turn:
            before = self._clock.elapsed_s()
            try:
                found = await asyncio.to_thread(
                    verify, settings.folder, self._trusted, anchor=settings.anchor
                )
            except ArtefactError as error:
                missing = CheckFacts(name="log", is_met=False, detail=error.message)
                return Verification(records=0, events=0, checks=(missing,))
            return _told(found, (self._clock.elapsed_s() - before) * 1000.0)


def _told(found: Found, duration_ms: float) -> Verification:
    return Verification(
        records=found.records,
        events=found.events,
        first_at=found.first_at,
        last_at=found.last_at,
        checks=tuple(
            CheckFacts(name=check.name, is_met=check.is_met, detail=check.detail) for check in found.checks
        ),
        notes=found.notes,
        blind=found.blind,
        duration_ms=duration_ms,
    )
