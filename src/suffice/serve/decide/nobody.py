"""The error of a call that no tier answered: the last word of the last tier that was asked."""

from collections.abc import Sequence

from suffice.serve.decide.asking import Tried
from suffice.serve.errors import BadCall, CallError, NobodyAnswered, TierFailed, TierUnavailable
from suffice.serve.reply import Step, Verdict


def nobody_answered(steps: Sequence[Step], last: Tried | None, *, is_time_up: bool) -> CallError:
    """Returns what the client is told.

    A full queue stays a 429, and a call that a server refuses has the server's own status and words;
    504 where the time ran out, 503 where the last tier is left alone for failing, else 502.
    """
    error = None if last is None else last.error
    if isinstance(error, CallError):
        return error
    if isinstance(error, TierFailed) and error.is_callers_fault:
        return BadCall(error.message, status=error.status)
    way = "; ".join(_told(step) for step in steps)
    if is_time_up:
        return NobodyAnswered(f"time ran out before a tier answered ({way})", code="timeout", status=504)
    if isinstance(error, TierUnavailable):
        return NobodyAnswered(f"no tier answered ({way})", status=503, retry_after_s=error.retry_after_s)
    if last is not None and error is None:
        return NobodyAnswered(f"no tier's answer can be trusted ({way})", code="abstained")
    return NobodyAnswered(f"no tier answered ({way})")


def _told(step: Step) -> str:
    verdict = "passed it up" if step.verdict is Verdict.ESCALATED else step.verdict.value
    return f"{step.tier} {verdict}: {step.why}"
