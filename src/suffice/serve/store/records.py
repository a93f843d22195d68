"""What the store keeps beside events, and what it reads back, as plain frozen data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from suffice.serve.event import Event
from suffice.serve.judgement import Judgement
from suffice.serve.reply import Step


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """An event in the store; `number` grows with every event and is what pages are turned by."""

    number: int
    event: Event


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptFeedback:
    """A judgement beside the route, the tier and the owner of the call it speaks of.

    `owner` is the key that asked; `judgement.key_id` the one that judged, which for an admin may be
    another. `number` is what pages are turned by.
    """

    number: int
    judgement: Judgement
    owner: str
    route: str
    tier: str


class TicketState(StrEnum):
    """What became of a ticket."""

    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """One call that waits for a person, or did: `body` is what the client sent.

    `expires_at` is None where it waits for ever. `answer`, `answered_by` (a key's id) and `answered_at`
    are None until somebody answers.
    """

    id: str
    at: datetime
    key_id: str
    route: str
    call_id: str
    body: Mapping[str, Any]
    steps: tuple[Step, ...] = ()
    state: TicketState = TicketState.OPEN
    expires_at: datetime | None = None
    answer: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A stretch of time: from `since` (included) to `until` (not included); None: no end on that side.

    Figures are summed by the minute: theirs begins and ends with a whole one.
    """

    since: datetime | None = None
    until: datetime | None = None


ALWAYS = Span()


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """Which events are wanted; None for any. `before` is a `Kept.number`: the page after that one.

    `by_key` narrows to one key; it never widens what the reader may see. `failed` is True for status
    400 and more or an error's code, False for the others.
    """

    route: str | None = None
    tier: str | None = None
    by_key: str | None = None
    status: int | None = None
    failed: bool | None = None
    span: Span = ALWAYS
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class Traffic:
    """Calls of one route answered by one tier ("" for none) in one stretch of time from `at` on."""

    at: datetime
    route: str
    tier: str
    calls: int
    failed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Latency:
    """Percentiles (nearest rank, within 1%) of the latency of n answered calls of one tier, in ms."""

    tier: str
    n: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Money:
    """What calls cost, over the calls for which it is known.

    Each sum has its own n. `saved_usd` is reference minus cost over the `compared_n` calls for which
    both are known, None where there is none.
    """

    calls: int
    cost_usd: float | None
    cost_n: int
    reference_usd: float | None
    reference_n: int
    saved_usd: float | None
    compared_n: int
    input_tokens: int | None
    output_tokens: int | None
    tokens_n: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """A share of n calls with its interval, for one route ("" for all) and, where told apart, one tier."""

    route: str
    tier: str = ""
    count: int
    n: int
    rate: float
    lower: float
    upper: float
    level: float
    method: str
