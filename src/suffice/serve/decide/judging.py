"""Whether a tier's reply may be handed out, or is passed up, and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from suffice.ports import Answer
from suffice.serve.call import Call
from suffice.serve.decide.answer_schema import AnswerSchema
from suffice.serve.reply import Place, Reply
from suffice.serve.route import Route


@dataclass(kw_only=True, slots=True)
class Rules:
    """What a reply must meet beside its tier's own certified rule; each can only make that stricter."""

    threshold: float | None = None
    novelty_above: float | None = None
    schema: AnswerSchema | None = None

    @classmethod
    def of(cls, route: Route, call: Call, schema: AnswerSchema | None) -> "Rules":
        """Returns the rules for one call: the stricter of what the route and the client say."""
        is_plain = route.escalate_below is None and call.wishes.escalate_below is None
        if is_plain and route.novelty_above is None and schema is None:
            return NO_RULES
        thresholds = [t for t in (route.escalate_below, call.wishes.escalate_below) if t is not None]
        return cls(threshold=max(thresholds, default=None), novelty_above=route.novelty_above, schema=schema)

    def judges(self, place: Place) -> bool:
        """Says whether a reply from there must be judged whole, and so cannot be streamed."""
        if self.schema is not None:
            return True
        return place is Place.LOCAL and (self.threshold is not None or self.novelty_above is not None)


NO_RULES = Rules()


@dataclass(kw_only=True, slots=True)
class Judged:
    """What became of a reply: kept or passed up, and why ("" for a plain yes)."""

    kept: bool
    why: str = ""


KEPT = Judged(kept=True)


def judge(reply: Reply, rules: Rules, *, is_last: bool) -> Judged:
    """Returns whether a reply is handed out.

    What its tier's rule passes up, and what breaks the schema, never is. What is less trusted than
    the route or the client wish is handed out only where no tier is left to ask (`is_last`).

    Raises:
        BadCall: the schema takes too long to be held against the answer.
    """
    if reply.escalate or (reply.text is None and reply.payload is None):
        return Judged(kept=False, why=reply.why or "passed up by its certified rule")
    if rules.schema is not None:
        for text in _texts(reply):
            if (misfit := rules.schema.misfit(text)) is not None:
                return Judged(kept=False, why=misfit)
    doubt = reply.doubt or (_doubt(reply.answer, rules) if reply.place is Place.LOCAL else "")
    if doubt and is_last:
        return Judged(kept=True, why=f"{doubt}, and no tier is left to ask")
    if not doubt and not reply.why:
        return KEPT
    return Judged(kept=not doubt, why=doubt or reply.why)


def trust_of(answer: Answer) -> float | None:
    """Returns what a threshold is held against: the gate's trust where there is one, else confidence."""
    return answer.confidence if answer.trust is None else answer.trust


def _doubt(answer: Answer | None, rules: Rules) -> str:
    """Returns why an answer is less trusted than the rules ask; what is not stated is not trusted."""
    if rules.threshold is not None:
        trust = None if answer is None else trust_of(answer)
        if trust is None:
            return "it states no confidence"
        if not trust >= rules.threshold:
            return f"trust {trust:.4g} is below {rules.threshold:.4g}"
    if rules.novelty_above is not None:
        novelty = None if answer is None else answer.novelty
        if novelty is None:
            return "it does not say how unlike its training data the text is"
        if not novelty <= rules.novelty_above:
            return f"novelty {novelty:.4g} is above {rules.novelty_above:.4g}"
    return ""


def _texts(reply: Reply) -> Iterator[str]:
    """Yields every answer's text; one that calls tools has none to be judged."""
    choices = None if reply.payload is None else reply.payload.get("choices")
    if not isinstance(choices, list):
        yield reply.text or ""
        return
    for choice in choices:
        message: Any = choice.get("message", choice) if isinstance(choice, Mapping) else {}
        if isinstance(message, Mapping) and not message.get("tool_calls"):
            content = message.get("content", message.get("text"))
            yield content if isinstance(content, str) else ""
