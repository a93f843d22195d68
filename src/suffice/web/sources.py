"""Where the pages' facts come from, as small Protocols and frozen data: pages know no other door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from suffice.ports import Request
from suffice.serve.call import Caller, Wishes
from suffice.serve.event import Event
from suffice.serve.key import Key
from suffice.serve.reply import Place
from suffice.serve.route import Route
from suffice.serve.store.records import (
    ALWAYS,
    Filter,
    Kept,
    KeptFeedback,
    Latency,
    Money,
    Rate,
    Span,
    Ticket,
    TicketState,
    Traffic,
)


class Reads(Protocol):
    """Reads kept events: `key_id` None sees every key's rows, a key's id that key's alone."""

    async def events(self, key_id: str | None, wanted: Filter | None = None) -> Sequence[Kept]:
        """Returns events, newest first."""
        ...

    async def event(self, key_id: str | None, call_id: str) -> Kept | None:
        """Returns one call's event; None where there is none that may be seen."""
        ...

    async def traffic(
        self, key_id: str | None, *, span: Span = ALWAYS, bucket_s: int = 3600
    ) -> Sequence[Traffic]:
        """Returns calls by route and tier per stretch of time, oldest first."""
        ...

    async def latency(self, key_id: str | None, *, span: Span = ALWAYS) -> Sequence[Latency]:
        """Returns percentiles by tier."""
        ...

    async def money(self, key_id: str | None, *, span: Span = ALWAYS) -> Money:
        """Returns tokens, cost and savings, each with its n."""
        ...

    async def escalation(self, key_id: str | None, *, span: Span = ALWAYS) -> Sequence[Rate]:
        """Returns by route the share of calls that were passed up."""
        ...

    async def quality(self, key_id: str | None, *, span: Span = ALWAYS) -> Sequence[Rate]:
        """Returns by route and tier the share of judged answers that were right."""
        ...

    async def feedback(
        self, key_id: str | None, *, before: int | None = None, limit: int = 50
    ) -> Sequence[KeptFeedback]:
        """Returns feedback, newest first."""
        ...

    async def tickets(
        self, key_id: str | None, *, state: TicketState | None = TicketState.OPEN, limit: int = 50
    ) -> Sequence[Ticket]:
        """Returns tickets, oldest first."""
        ...

    async def ticket(self, key_id: str | None, ticket_id: str) -> Ticket | None:
        """Returns one ticket; None where there is none that may be seen."""
        ...


class KeyBook(Protocol):
    """Knows the keys; a part of `serve.ports.KeyStore`."""

    async def find(self, key_id: str) -> Key | None:
        """Returns the key of a public id, revoked ones too."""
        ...

    async def all_keys(self) -> Sequence[Key]:
        """Returns every key, oldest first."""
        ...


class Answering(Protocol):
    """Takes a person's answer to a ticket; `store.reviews.Reviews.answer` does."""

    async def __call__(self, ticket_id: str, answer: str, *, by: Caller) -> object:
        """Returns once the answer is kept.

        Raises:
            NotFound: no such ticket. BadCall: it was answered or has expired; the answer does not fit.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Said:
    """What became of one question: its event, the answer's text, None for none, and a refusal's words."""

    event: Event
    text: str | None = None
    message: str = ""


class Ask(Protocol):
    """Asks through the gateway itself: budgets, policy, cascade and audit log, as for any client."""

    async def __call__(self, caller: Caller, *, route: str, text: str, wishes: Wishes) -> Said:
        """Returns what came back; refusals are in the event, and told in `message`."""
        ...


class Explains(Protocol):
    """Says why a local tier answers as it does."""

    async def __call__(self, tier: str, request: Request) -> Mapping[str, Any] | None:
        """Returns `tiers.explanation.Explanation.to_json`, None where the tier cannot explain.

        Raises:
            CallError: it cannot be asked now.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The audit log's last signed state: how many records it holds, and the hash that stands for them all."""

    records: int
    head: str
    at: datetime
    folder: str = ""
    anchor: str = ""


@dataclass(frozen=True, kw_only=True)
class CheckFacts:
    """One thing that was checked, and what was found."""

    name: str
    is_met: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The result of reading the whole audit log again; `blind` is what such reading cannot see."""

    records: int
    events: int
    checks: tuple[CheckFacts, ...]
    first_at: datetime | None = None
    last_at: datetime | None = None
    notes: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()
    duration_ms: float | None = None

    @property
    def holds(self) -> bool:
        """Says whether every check is met."""
        return all(check.is_met for check in self.checks)


class AuditLog(Protocol):
    """The audit log as pages see it."""

    async def last(self) -> Checkpoint | None:
        """Returns the last checkpoint, None where nothing is logged yet."""
        ...

    async def verify(self) -> Verification:
        """Returns what reading it from the first event on finds; in a thread, it may take a while."""
        ...


@dataclass(frozen=True, kw_only=True)
class TierFacts:
    """One tier of the site as it stands now.

    `status` is of its certificate: "valid", "uncertified", "refused" (`why` says what does not hold), or
    "" where there is nothing to certify: a server, a person. `certificate` is `Certified.facts()`.
    `joules_per_call` is what the site states of a server's energy, None for nothing.
    `labels` are those a classifier chooses from, `answer_schema` is what an extractor's answers fit.
    """

    name: str
    place: Place
    status: str = ""
    why: str = ""
    provider: str = ""
    model: str = ""
    certificate: Mapping[str, Any] | None = None
    breaker: str = ""
    waiting: int | None = None
    joules_per_call: float | None = None
    labels: tuple[str, ...] = ()
    answer_schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class SiteFacts:
    """What is served now. `url` is what clients take as their base URL, ending in /v1.

    `has_file`: a site file says what is served; else it is a run folder alone.
    """

    url: str
    routes: tuple[Route, ...] = ()
    tiers: tuple[TierFacts, ...] = ()
    keeps_contents: bool = False
    version: str = ""
    started_at: datetime | None = None
    notes: tuple[str, ...] = ()
    has_file: bool = True
