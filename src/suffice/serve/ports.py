"""The doors between the gateway's rooms, on one page: tiers, inspectors, journals, doors, what they keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from suffice.serve.call import Call, Caller
from suffice.serve.event import Event
from suffice.serve.judgement import Judgement
from suffice.serve.key import Key, Spent
from suffice.serve.reply import Place, Reply, Step, Streaming
from suffice.serve.restorer import Restorer


class Tier(Protocol):
    """Something that can answer calls."""

    @property
    def name(self) -> str:
        """Returns the name the site gives it."""
        ...

    @property
    def place(self) -> Place:
        """Returns where it answers; a call that is `local_only` goes to no tier that is REMOTE."""
        ...

    async def answer(self, call: Call) -> Reply:
        """Returns its reply; cancelling gives the call up, down to the connection.

        Raises:
            TierFailed: an error or a timeout; the next tier is tried.
            LimitReached: its queue is full.
        """
        ...

    async def stream(self, call: Call) -> Streaming | Reply:
        """Returns its reply in parts, after the first part; whole where its rule must judge it first.

        Raises:
            TierFailed, LimitReached: as `answer`.
        """
        ...

    async def close(self) -> None:
        """Releases what it holds, after what it is answering; twice is harmless."""
        ...


class ReviewQueue(Protocol):
    """Keeps the calls that wait for a person."""

    async def add(self, call: Call, steps: Sequence[Step]) -> str:
        """Returns the ticket of a call that was queued; it is on disk by then.

        Raises:
            TierFailed: it could not be kept.
            LimitReached: too many calls wait already.
        """
        ...


@runtime_checkable
class Desk(Tier, Protocol):
    """A tier whose answers come from people, later: it takes calls in, and gives tickets."""

    async def hand_in(self, call: Call, steps: Sequence[Step]) -> str:
        """Returns the ticket under which a person's answer will be found; `steps` tell the call's way here.

        Raises:
            TierFailed, LimitReached: as `ReviewQueue.add`.
        """
        ...


@dataclass(kw_only=True, slots=True)
class Inspection:
    """What was found in a call, and what policy makes of it; `found` counts the finds by class.

    `restorer` belongs to `masked_body`: None where nothing is masked or the site leaves placeholders in.
    """

    found: Mapping[str, int]
    local_only: bool = False
    masked_body: Mapping[str, Any] | None = None
    restorer: Restorer | None = field(default=None, repr=False)


class Inspector(Protocol):
    """Looks for private data in what a client sends. Fails closed: what cannot be inspected stays local."""

    def inspect(self, call: Call) -> Inspection:
        """Returns what a call holds: prompt, tool arguments, everything with text."""
        ...


class Journal(Protocol):
    """Hears every ended call, before its reply's last byte is sent."""

    def record(self, event: Event, *, keep: bool = True) -> None:
        """Takes the event in; cheap, never blocks on a disk or a server, never raises.

        One that is not to be kept is counted, e.g. in the metrics, and forgotten.
        What it cannot keep it says in `/health`, and where the site asks for it (`audit.required`)
        `check` refuses further calls.
        """
        ...

    def check(self) -> None:
        """Refuses a call before it is answered where its event could not be kept.

        Raises:
            NobodyAnswered: status 503, the audit log cannot be written and the site requires it.
        """
        ...


class Feedback(Protocol):
    """Keeps what people say of answers."""

    async def keep(self, judgement: Judgement, caller: Caller) -> None:
        """Returns once the judgement is safe against a kill; until then it is not acknowledged.

        Raises:
            NotFound: no such call, or one of another key and the caller lacks the scope `admin`.
            NobodyAnswered: status 503, it cannot be kept now.
        """
        ...


class Door(Protocol):
    """Says who asks, and whether they may: the one place where keys, scopes and budgets are looked at."""

    async def authenticate(self, authorization: str | None) -> Caller:
        """Returns the owner of the bearer key.

        Raises:
            NotAuthenticated: no key, a wrong or revoked one.
        """
        ...

    def admit(self, caller: Caller, route: str) -> None:
        """Counts one request against the caller's budgets.

        Raises:
            LimitReached: a budget is used up; says which, and when it is refilled.
            NotAllowed: the key's scopes do not cover the route.
        """
        ...

    def admit_unpaid(self, caller: Caller, kind: str) -> None:
        """Counts what no budget counts but is kept all the same: "pieces of feedback", "refused calls".

        Raises:
            LimitReached: there were too many of late; nothing is to be kept of this one.
        """
        ...

    def charge(self, caller: Caller, event: Event) -> None:
        """Counts tokens and money of an ended call."""
        ...


class KeyStore(Protocol):
    """Keeps keys. A key id reaches it as a client sent it: always a parameter of a query, never its text.

    Every method raises SufficeError where the store cannot be reached.
    """

    async def add(self, key: Key) -> None:
        """Keeps a new key; it is safe on disk before this returns.

        Raises:
            OutputError: there is one of this id.
        """
        ...

    async def find(self, key_id: str) -> Key | None:
        """Returns the key of a public id, revoked ones too; None where there is none."""
        ...

    async def all_keys(self) -> Sequence[Key]:
        """Returns every key, revoked ones too, oldest first."""
        ...

    async def revoke(self, key_id: str, *, at: datetime) -> bool:
        """Marks a key as revoked, for good; the first time stays. False where there is no such key."""
        ...

    async def touch(self, used: Mapping[str, datetime]) -> None:
        """Remembers when keys were last used, by id; a later time that is known already stays."""
        ...


class Spending(Protocol):
    """Knows from the kept events what keys have used up: survives restarts, shared by several gateways."""

    async def spent_since(self, since: datetime) -> Mapping[str, Spent]:
        """Returns per key id what its calls used that ended at `since` or later; {} for no calls.

        Only calls count that a budget let in and that were read: status below 400, 500 and more, or 499 (the
        client left) of a call whose route is known.
        Tokens that are not known count 0, as does an unknown price.
        """
        ...
