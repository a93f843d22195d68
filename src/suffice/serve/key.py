"""What is kept of a key that clients show: who it is, what it may do, how much; never the secret itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

# What a key may be allowed to do, in the words `suffice keys create --scope` takes.
SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "call": "ask models",
        "feedback": "send corrections of answers",
        "review": "answer what waits in the review queue",
        "view": "see the pages and the metrics",
        "admin": "see what every key asked; make and revoke keys; reload",
        "tiers": "wish to begin at a later tier",
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a key may use up per minute and per day (UTC); None: as much as it likes.

    Tokens are those read and written; money is what tiers cost, in US dollars.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    usd_per_minute: float | None = None
    requests_per_day: int | None = None
    tokens_per_day: int | None = None
    usd_per_day: float | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """One key as it is kept.

    `id` is public: it stands in logs and events. `secret_sha256` is the hex digest of the secret part.
    `models` are the routes it may call, empty for all. A time is None for what has not happened.
    """

    id: str
    name: str
    secret_sha256: str = field(repr=False)
    created_at: datetime
    scopes: frozenset[str] = frozenset({"call"})
    models: frozenset[str] = frozenset()
    limits: Limits = NO_LIMITS
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """What one key has used up in some time: calls, tokens read and written, US dollars."""

    requests: int = 0
    tokens: int = 0
    usd: float = 0.0
