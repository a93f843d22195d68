"""What a client asks, as every part of the gateway sees it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from suffice.ports import Request
from suffice.serve.decision import Questions
from suffice.serve.restorer import Restorer


class Operation(StrEnum):
    """What is asked for, by the names of OpenTelemetry's `gen_ai.operation.name`."""

    CHAT = "chat"
    COMPLETION = "text_completion"
    EMBEDDING = "embeddings"
    DECISION = "decision"
    SYSTEM_ONE = "system_one"


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Who asks: the public id of a key, the name its owner gave it, and what it may do.

    Everything the gateway keeps is kept under `key_id`: what one key asked is never shown to another,
    unless that has the scope `admin`.
    """

    key_id: str
    name: str = ""
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Wishes:
    """What a client may wish for one call by headers; it can only make things stricter.

    `local_only`: no tier outside this machine. `escalate_below`: pass up what a tier trusts less
    than this, where that is stricter than the certified threshold. `skip_to`: do not ask the tiers
    before this one (for a key with the scope `tiers`). `no_people`: it is given to nobody's review queue,
    e.g. because it is only tried out.
    """

    local_only: bool = False
    escalate_below: float | None = None
    skip_to: str | None = None
    no_people: bool = False


@dataclass(slots=True)
class Unread:
    """What servers may be paid for though no usage came: estimates, added up, for budgets alone."""

    tokens: int = 0
    usd: float = 0.0


@dataclass(kw_only=True, slots=True)
class Call:
    """One request of a client, authenticated and read.

    `id` is the request's id (`x-request-id`); `model` what the client named, `route` the name under
    which the site serves it. `body` is the JSON object as it was sent; `request` the same as a local
    model reads it: the text of the document, and the turns. `answer_schema` is the JSON Schema that
    an answer must fit: None for none, {} for any JSON object. `deadline_s` is on the clock's
    `elapsed_s`. `data_classes` are the kinds of private data that were found, `local_only` says whether
    policy or a wish keeps the call on this machine. `masked_body` is what tiers outside this machine
    get where policy masks; None where nothing was masked. `needs` is what a tier must be able to do
    beyond text, e.g. "tools", "images", "logprobs": only remote tiers can, so all others are skipped.
    `traceparent` is what servers are sent in the header of that name (W3C Trace Context), "" for none.
    `restorer` puts masked values back into what a REMOTE tier replies; None: nothing to put back.
    `questions` are those of a decision, None for every other operation. `unread` is one for all copies of
    a call: tiers add to it what was given up before it was whole.
    """

    id: str
    operation: Operation
    model: str
    route: str
    caller: Caller
    body: Mapping[str, Any]
    request: Request
    stream: bool = False
    answer_schema: Mapping[str, Any] | None = None
    wishes: Wishes = Wishes()
    deadline_s: float = float("inf")
    data_classes: frozenset[str] = frozenset()
    local_only: bool = False
    masked_body: Mapping[str, Any] | None = None
    needs: frozenset[str] = frozenset()
    traceparent: str = ""
    restorer: Restorer | None = field(default=None, repr=False)
    questions: Questions | None = None
    unread: Unread = field(default_factory=Unread, repr=False, compare=False)
