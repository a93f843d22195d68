"""Hears every ended call once, and tells audit log, store and listeners: the port `Journal`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from suffice.serve.audit.keeper import Keeper
from suffice.serve.audit.log import AuditLog
from suffice.serve.audit.reading import events_after
from suffice.serve.errors import NobodyAnswered
from suffice.serve.event import Event
from suffice.serve.store.batches import Item, Source
from suffice.serve.store.writer import Writer


class Recorder:
    """Gives each event to the audit log first, then to the store and the listeners.

    Each may fail by itself without keeping the event from the others; `health` says what failed.
    `in_use` returns the sha256 of the certificates of what is served now: a bundle may be swapped at any
    time, and the log is told before the first answer that names the new one.
    """

    def __init__(
        self,
        *,
        log: AuditLog | None,
        keeper: Keeper | None,
        writer: Writer,
        listeners: Sequence[Callable[[Event], None]] = (),
        in_use: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        self._log, self._keeper, self._writer, self._listeners = log, keeper, writer, listeners
        self._in_use = in_use
        self._is_required = log is not None and log.settings.required
        self._failures: dict[str, str] = {}

    def record(self, event: Event, *, keep: bool = True) -> None:
        """Takes the event in: a write to the audit log's file, a place in the store's queue; never raises.

        Listeners, such as the metrics, hear of every event.
        """
        if keep:
            self._keep(event)
        for listener in self._listeners:
            try:
                listener(event)
            except Exception as error:  # noqa: BLE001 - as below
                self._failures[getattr(listener, "__qualname__", repr(listener)).rpartition(".")[2]] = repr(
                    error
                )

    def _keep(self, event: Event) -> None:
        run: str | None = None
        seq: int | None = None
        is_logged = False
        if self._log is not None:
            try:
                if event.certificate is not None and event.certificate not in self._log.terms.certificates:
                    self._tell_swap(self._log, event.certificate)
                if (written := self._log.write(event)) is not None:
                    run, (seq, is_logged) = self._log.run, written
            except Exception as error:  # noqa: BLE001 - the reply must go out; the failure shows in `health`
                self._failures["audit"] = repr(error)
        try:
            self._writer.put(event, run=run, seq=seq, is_logged=is_logged)
        except Exception as error:  # noqa: BLE001 - as above
            self._failures["store"] = repr(error)

    def _tell_swap(self, log: AuditLog, certificate: str) -> None:
        """Records the certificates in use, where the one an answer names is among them."""
        now = self._in_use()
        if certificate in now:
            log.declare(replace(log.terms, certificates=now))

    def check(self) -> None:
        """Refuses a call before it is answered where its record could not be written.

        Raises:
            NobodyAnswered: status 503, the audit log cannot be written and the site requires it.
        """
        if not self._is_required or self._log is None:
            return
        if self._log.why:
            raise NobodyAnswered(
                "the audit log cannot be written now, and this gateway answers no call that it cannot record",
                code="audit_log_unavailable",
                status=503,
                retry_after_s=5.0,
            )

    def health(self) -> dict[str, Any]:
        """Returns how audit log and store fare, as JSON: `ok` is False where something is not kept."""
        store = asdict(self._writer.health())
        found: dict[str, Any] = {"store": {"ok": not (store["why"] or store["lost"]), **store}}
        if self._log is None:
            found["audit"] = {"ok": True, "on": False}
        else:
            audit = asdict(self._log.health())
            is_ok = not any(audit.values()) and "audit" not in self._failures
            point = self._log.last
            found["audit"] = {
                "ok": is_ok,
                "on": True,
                **audit,
                "log": self._log.log,
                "unsigned": self._log.unsigned,
                "checkpoint": None if point is None else asdict(point),
            }
        return {**found, "failures": dict(self._failures)}

    def close(self) -> None:
        """Signs and closes the audit log; the store is closed by who opened it, after this."""
        if self._keeper is not None:
            self._keeper.close()


def source_of(log: AuditLog) -> Source:
    """Returns the audit log as a source of events for the store."""

    def after(seq: int) -> Iterator[Item]:
        found = events_after(log.settings.folder, seq)
        return (Item(event=event, run=run, seq=number, is_logged=True) for run, number, event in found)

    return Source(log=log.log, after=after, last=lambda: log.seq)
