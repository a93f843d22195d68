"""What is remembered of a call once it has ended: the one record that audit log, store and metrics share."""

from dataclasses import dataclass, field
from datetime import datetime

from suffice.ports import UNKNOWN_USAGE, Usage
from suffice.serve.reply import Place, Step

# The data class of what cannot be looked into: pictures, sound, files, token numbers, what takes too long.
UNINSPECTED = "uninspected"


@dataclass(kw_only=True, slots=True)
class Event:
    """One ended call.

    `status` is the HTTP status the client got; `error` the code of the error, "" for none; a stream
    that broke has its status and an error. `tier`, `place` and `model` name what answered, "" and None
    where nothing did. `request_sha256` and `response_sha256` are of the bodies' bytes; `request_text`
    and `response_text` are None unless the site keeps contents. `left_machine` says whether the call,
    masked or not, was sent to a remote tier, also one that failed; `masked` whether what was sent was
    masked. `reference_usd` is what the route's reference would have cost (None: not known).
    `budget_tokens` and `budget_usd` count against budgets beside what is known (`call.Unread`): they are
    estimates, and kept in the sums that budgets read, not with the event. `steps_json` is for
    `steps.encoded`, which encodes the steps once.
    """

    id: str
    at: datetime
    key_id: str
    route: str
    operation: str
    requested_model: str
    status: int
    error: str = ""
    tier: str = ""
    place: Place | None = None
    model: str = ""
    steps: tuple[Step, ...] = ()
    escalated: bool = False
    data_classes: frozenset[str] = frozenset()
    local_only: bool = False
    left_machine: bool = False
    masked: bool = False
    certificate: str | None = None
    usage: Usage = UNKNOWN_USAGE
    cost_usd: float | None = None
    reference_usd: float | None = None
    latency_ms: float = 0.0
    first_token_ms: float | None = None
    streamed: bool = False
    ticket: str | None = None
    request_sha256: str = ""
    response_sha256: str = ""
    request_text: str | None = None
    response_text: str | None = None
    budget_tokens: int = 0
    budget_usd: float = 0.0
    steps_json: bytes | None = field(default=None, repr=False, compare=False)
