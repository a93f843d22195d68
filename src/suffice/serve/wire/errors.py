"""Errors in OpenAI's shape, as bodies and as headers."""

import math
from typing import Any

from suffice.serve.errors import CallError

# The answer was looked for and is not there: the same call would end the same way.
_FINAL = frozenset({"abstained"})


def error_object(error: CallError) -> dict[str, Any]:
    """Returns the JSON object of an error: {"error": {message, type, param, code}}."""
    return {"error": {"message": error.message, "type": error.kind, "param": error.param, "code": error.code}}


def error_headers(error: CallError) -> list[tuple[bytes, bytes]]:
    """Returns the headers that tell clients when to come again, or not to: OpenAI's clients heed both.

    A 401 names the scheme of the key (RFC 9110, section 11.6.1).
    """
    if error.status == 401:
        return [(b"www-authenticate", b"Bearer")]
    if error.retry_after_s is not None:
        return [(b"retry-after", b"%d" % max(1, math.ceil(error.retry_after_s)))]
    return [(b"x-should-retry", b"false")] if error.code in _FINAL else []


def unforeseen(call_id: str) -> CallError:
    """Returns what a client is told of a fault of the gateway: the id under which its log has the rest."""
    return CallError(f"the gateway failed; its log has more under {call_id}")
