"""What a tier says to a call: a whole reply, or one that comes in parts."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from suffice.ports import UNKNOWN_USAGE, Answer, Usage


class Place(StrEnum):
    """Where a tier answers."""

    LOCAL = "local"  # in this process, or a process of this gateway on this machine
    REMOTE = "remote"  # a server: another machine, or another program on this one
    TRUSTED_LOCAL = "trusted_local"  # a server that the site trusts to keep what it gets, as if it were LOCAL
    HUMAN = "human"  # the review queue of this gateway


@dataclass(kw_only=True, slots=True)
class Reply:
    """What one tier said to one call.

    `text` is the answer, None where the tier has none: then `escalate` is True and `why` says why.
    `escalate` is also True where the certified rule passes the answer up. `payload` is a server's own JSON
    reply (of the same API as the call), None for tiers that only know texts. `answer` is a local
    model's, with its confidence. `model` is the name of what really answered, e.g. the rung within a
    bundle, `certificate` the sha256 (hex) of the statement that covers it, None for what is not certified.
    `cost_usd` is None where the price is not known. `doubt` says why another tier should rather answer, ""
    for no reason: such a reply is handed out only where no tier is left to ask.
    """

    tier: str
    place: Place
    model: str
    text: str | None
    escalate: bool = False
    why: str = ""
    payload: Mapping[str, Any] | None = None
    answer: Answer | None = None
    usage: Usage = UNKNOWN_USAGE
    cost_usd: float | None = None
    certificate: str | None = None
    doubt: str = ""


@dataclass(kw_only=True, slots=True)
class Streaming:
    """A reply that comes in parts: `chunks` are the JSON objects of a server's SSE events, in order.

    The first chunk has come before this exists: until then the next tier can still be tried. A stream
    that breaks raises `TierFailed` from the iterator. `usage` and `cost_usd` are filled in by the time
    the iterator ends. Who leaves early must `aclose()` the iterator, which closes the connection. `at_hand`
    takes from it, at once, the chunks that came with the last one; None: only the iterator has them.
    """

    tier: str
    place: Place
    model: str
    chunks: AsyncIterator[Mapping[str, Any]]
    usage: Usage = UNKNOWN_USAGE
    cost_usd: float | None = None
    certificate: str | None = None
    at_hand: Callable[[], Sequence[Mapping[str, Any]]] | None = None

    def pass_through(self, chunks: AsyncIterator[Mapping[str, Any]]) -> None:
        """Hands out other chunks, made of these: no chunk may go past who makes them."""
        self.chunks, self.at_hand = chunks, None


async def closed(chunks: AsyncIterator[Any]) -> None:
    """Closes a stream's source, down to its connection; a stream that has ended is closed already."""
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()


class Verdict(StrEnum):
    """What became of a call at one tier."""

    ANSWERED = "answered"
    ESCALATED = "escalated"  # its answer was not trusted
    FAILED = "failed"  # an error or a timeout: the next tier is a fallback
    SKIPPED = "skipped"  # policy, an open breaker, or a wish
    QUEUED = "queued"  # a person will answer


# What says that a tier was sent the call.
SENT = frozenset({Verdict.ANSWERED, Verdict.ESCALATED, Verdict.FAILED})


@dataclass(kw_only=True, slots=True)
class Step:
    """One tier on a call's way: what became of it there, and why, for the client and the page.

    `cost_usd` is what an answer cost that was passed up; that of the answer which was kept stands with
    the reply.
    """

    tier: str
    place: Place
    verdict: Verdict
    why: str = ""
    latency_ms: float | None = None
    model: str = ""
    confidence: float | None = None
    novelty: float | None = None
    trust: float | None = None
    threshold: float | None = None
    cost_usd: float | None = None


@dataclass(kw_only=True, slots=True)
class Outcome:
    """How a call ended: the reply (whole or streaming), or neither where every tier abstained.

    `ticket` is the review queue's where a person will answer. `steps` tell the whole way.
    """

    steps: tuple[Step, ...]
    reply: Reply | None = None
    streaming: Streaming | None = None
    ticket: str | None = None

    @property
    def is_escalated(self) -> bool:
        """Says whether a tier's answer was not trusted on the way."""
        return any(step.verdict is Verdict.ESCALATED for step in self.steps)
