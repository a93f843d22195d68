"""The thread beside an open log: makes it durable, signs checkpoints, begins new files, tries again."""

import threading

from suffice.clock import Clock
from suffice.serve.audit.log import AuditLog


class Keeper:
    """Looks after a log every `sync_s` seconds until it is closed; `why` is what it could not do."""

    def __init__(self, log: AuditLog, clock: Clock) -> None:
        self.why = ""
        self._log, self._clock = log, clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="suffice-audit", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread and closes the log; twice is harmless."""
        self._stop.set()
        self._thread.join()
        self._log.close()

    def _run(self) -> None:
        settings = self._log.settings
        signed_at_s = self._clock.elapsed_s()
        while not self._stop.wait(settings.sync_s):
            try:
                self._log.retry()
                self._log.sync()
                is_late = self._clock.elapsed_s() - signed_at_s >= settings.checkpoint_s
                if self._log.unsigned and (is_late or self._log.unsigned >= settings.checkpoint_records):
                    self._log.checkpoint()
                    signed_at_s = self._clock.elapsed_s()
                self._log.rotate()
            except Exception as error:  # noqa: BLE001 - this thread must live: it is what mends the log
                self.why = str(error) or type(error).__name__
            else:
                self.why = ""
