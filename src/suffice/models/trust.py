"""How far an answer is trusted: one number in [0, 1] that orders answers for escalation.

Every rule is pure and monotone: it never falls when the confidence rises, and never rises when the
novelty rises. A certificate does not depend on the score being calibrated: the score orders the
answers, and the threshold on it is tested.
"""

from collections.abc import Callable

from suffice.ports import Answer, Request

Trust = Callable[[Answer, Request], float]


def confidence(answer: Answer, request: Request) -> float:  # noqa: ARG001 - every rule has this form
    """Returns the model's own probability of being right; 0 where it gives none."""
    return answer.confidence or 0.0


def confidence_times_familiarity(answer: Answer, request: Request) -> float:
    """Returns confidence * (1 - novelty): the probability of being right on an input that is familiar.

    A calibrated confidence holds for inputs like those of training; novelty is the chance that
    this is none of them, where nothing is promised. An unknown novelty counts as 0.
    """
    return confidence(answer, request) * (1.0 - (answer.novelty or 0.0))


def lesser_of_confidence_and_familiarity(answer: Answer, request: Request) -> float:
    """Returns min(confidence, 1 - novelty): either doubt alone suffices to escalate."""
    return min(confidence(answer, request), 1.0 - (answer.novelty or 0.0))


def gate_or_confidence(answer: Answer, request: Request) -> float:
    """Returns the gate's trust where the model has a gate, else confidence * (1 - novelty).

    A gate has learnt what escalating gains, so it needs no doubt beside its own.
    """
    if answer.trust is not None:
        return answer.trust
    return confidence_times_familiarity(answer, request)


# Names under which a cascade's file keeps its rule.
RULES: dict[str, Trust] = {
    "confidence": confidence,
    "confidence_times_familiarity": confidence_times_familiarity,
    "gate_or_confidence": gate_or_confidence,
    "lesser_of_confidence_and_familiarity": lesser_of_confidence_and_familiarity,
}
DEFAULT = "gate_or_confidence"
