"""What clients may name as `model`: which tiers answer it, in which order, and when they pass it up."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Route:
    """One name under which calls are answered.

    `tiers` are tried in order. A local bundle passes up by its certified rule; `escalate_below` (trust)
    and `novelty_above` can only make that stricter, never looser: what is kept is then a part of what
    the certificate speaks of, and the reply says so. A reply that does not fit the call's
    `answer_schema` is passed up too. `system_prompts` are sha256 (hex) of system prompts: a chat with
    one of them is meant for this route, whatever model it names. `reference` is the tier whose price
    savings are told against. `hedge_after_s`: where a remote tier has not begun to answer by then, the
    next one is asked beside it, and the first to begin is taken; None: never. `timeout_s` is for the
    whole call.
    """

    name: str
    tiers: tuple[str, ...]
    escalate_below: float | None = None
    novelty_above: float | None = None
    system_prompts: frozenset[str] = frozenset()
    reference: str | None = None
    hedge_after_s: float | None = None
    timeout_s: float = 120.0
