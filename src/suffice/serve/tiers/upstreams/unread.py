"""What a server may have been paid for though nobody read it: an estimate, for budgets alone.

A client that hangs up, or whose time is over, gets nothing, but the server has read its prompt and was
writing. Most servers stop when the connection closes, and none says by then what it counted.
"""

from suffice.ports import Usage
from suffice.serve.call import Call
from suffice.serve.tiers.upstreams.passed_on import can_stream, tokens_estimated

# A quick server's pace for one reader; no count, so a slower one is overcharged and a quicker one under.
_TOKENS_A_SECOND = 50.0
_CHOICES = ("n", "best_of")
_LIMITS = ("max_completion_tokens", "max_tokens")


def unread_usage(call: Call, *, asked_s: float | None) -> Usage:
    """Returns about how many tokens were read, and written within the seconds since the server was asked.

    `asked_s` None: it was not asked. Of two limits the larger one counts: which of them a server keeps to
    is not known.
    """
    if asked_s is None:
        return Usage(input_tokens=0, output_tokens=0)
    written = int(asked_s * _TOKENS_A_SECOND) if can_stream(call.operation) else 0
    limits = [limit for name in _LIMITS if isinstance(limit := call.body.get(name), int)]
    each = max(0, min(written, max(limits, default=written)))
    choices = [count for name in _CHOICES if isinstance(count := call.body.get(name), int)]
    return Usage(input_tokens=tokens_estimated(call), output_tokens=each * max([1, *choices]))
