"""One look at one page: who looks, and what was asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from suffice.clock import Clock
from suffice.serve.call import Caller
from suffice.serve.key import SCOPES, Key
from suffice.serve.ports import Door, Spending
from suffice.web.attempts import Attempts
from suffice.web.sessions import Session, Sessions
from suffice.web.shared import Shared
from suffice.web.sources import Answering, Ask, AuditLog, Explains, KeyBook, Reads, SiteFacts

Json = dict[str, Any]
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Pages:
    """Everything the pages need; None where the site has no such thing.

    `is_behind_tls`: browsers reach them by https, though the gateway itself speaks http.
    """

    site: Callable[[], SiteFacts]
    door: Door
    keys: KeyBook
    reads: Reads
    sessions: Sessions
    attempts: Attempts
    clock: Clock
    spending: Spending | None = None
    ask: Ask | None = None
    explain: Explains | None = None
    answer_ticket: Answering | None = None
    audit: AuditLog | None = None
    shared: Shared = field(default_factory=Shared)
    is_behind_tls: bool = False


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A look by the owner of a key. `session` is None where the key came as a header: a program."""

    caller: Caller
    session: Session | None = None
    path: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    query: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    form: Mapping[str, str] = field(default_factory=lambda: _NOTHING)

    @property
    def rows_of(self) -> str | None:
        """Returns whose rows may be seen: the key's own, or None, all, for the scope `admin`."""
        return None if "admin" in self.caller.scopes else self.caller.key_id


Answer = Callable[[Pages, Visit], Awaitable[Json | str]]


@dataclass(frozen=True, kw_only=True)
class View:
    """One page: its facts are the JSON, and its HTML is rendered from that JSON and nothing else.

    `scopes`: any of them will do. `answer` takes what the page's form sent, and returns the facts
    to show, or the path to go to.
    """

    name: str
    path: str
    title: str
    scopes: frozenset[str]
    facts: Callable[[Pages, Visit], Awaitable[Json]]
    answer: Answer | None = None


def caller_of(key: Key) -> Caller:
    """Returns what a kept key is as a caller, as the door does: `admin` may do everything."""
    scopes = frozenset(SCOPES) if "admin" in key.scopes else key.scopes
    return Caller(key_id=key.id, name=key.name, scopes=scopes)
