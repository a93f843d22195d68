"""What can go wrong with a call, as a tree; each error knows its HTTP status and its code in OpenAI's shape.

CallError                    ends the call: the client's to mend, or the gateway's to say
├── BadCall              400 a body or parameter that cannot be used (`param` names it)
├── NotAuthenticated     401 no key, or not one of this gateway's
├── NotAllowed           403 the key lacks a scope, or policy forbids every tier
├── NotFound             404 an unknown model, ticket, page
├── TooLarge             413 a body, or a text for every tier's context
├── LimitReached         429 a budget, or a full queue (`retry_after_s`)
└── NobodyAnswered       502, 503, 504 every tier failed, abstained, or time ran out
TierFailed                   one tier did not answer; the next one is tried
└── TierUnavailable          it was not asked at all: its circuit breaker is open, it is out of reach ...
"""

from suffice.errors import SufficeError
from suffice.serve.reply import Step

# nginx's status for a client that closed the connection before it had its answer; nobody receives it.
CLIENT_LEFT = 499
# The code where every tier answered, and none can be trusted.
ABSTAINED = "abstained"


class CallError(SufficeError):
    """A call that ends with an error; `message` is shown to the client and holds no secret.

    `steps` is the call's way through the tiers so far, None where who raises does not know it: then the
    call's event says that it may have left this machine.
    """

    status = 500
    code = "internal_error"
    kind = "server_error"
    steps: tuple[Step, ...] | None = None

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        status: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.param = param
        self.status = status or type(self).status
        self.retry_after_s = retry_after_s


class BadCall(CallError):  # noqa: N818 - reads as what it is where it is caught
    """A body or parameter that cannot be used."""

    status, code, kind = 400, "invalid_request", "invalid_request_error"


class NotAuthenticated(CallError):  # noqa: N818 - as above
    """No key, or not one of this gateway's."""

    status, code, kind = 401, "invalid_api_key", "authentication_error"


class NotAllowed(CallError):  # noqa: N818 - as above
    """The key may not do this, or policy forbids every tier that could answer."""

    status, code, kind = 403, "not_allowed", "permission_error"


class NotFound(CallError):  # noqa: N818 - as above
    """Nothing has this name here."""

    status, code, kind = 404, "not_found", "invalid_request_error"


class TooLarge(CallError):  # noqa: N818 - as above
    """More than the gateway or any tier takes; nothing is ever cut."""

    status, code, kind = 413, "too_large", "invalid_request_error"


class LimitReached(CallError):  # noqa: N818 - as above
    """A budget is used up or a queue is full; `retry_after_s` says when to come again."""

    status, code, kind = 429, "rate_limit_exceeded", "rate_limit_error"


class NobodyAnswered(CallError):  # noqa: N818 - as above
    """Every tier failed or abstained, or the time ran out."""

    status, code, kind = 502, "no_answer", "server_error"


class TierFailed(SufficeError):  # noqa: N818 - as above
    """One tier did not answer: an error or a timeout; never a matter of trust.

    `status` is what the tier said, where it is a server that said something. `is_callers_fault`: the
    call itself cannot be answered (a parameter the server refuses), so other tiers of the kind would
    refuse it too.
    """

    def __init__(self, message: str, *, status: int | None = None, is_callers_fault: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.is_callers_fault = is_callers_fault


class TierUnavailable(TierFailed):
    """A tier that was not asked: nothing was sent to it.

    `retry_after_s`: it failed too often of late, and may be asked again then; None: it cannot answer such
    a call, or is out of reach.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
