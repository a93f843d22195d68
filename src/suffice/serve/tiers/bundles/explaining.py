"""Asking a bundle's model why it answers as it does. Imports every kind of model: only where it is asked."""

import math

from suffice.cascade import Tier
from suffice.errors import ModelError
from suffice.models.alarm import AlarmModel
from suffice.models.cascade import CascadeModel
from suffice.models.gain.gate import GatedModel
from suffice.models.gguf.model import GgufWriter
from suffice.ports import Answer, Classifier, Model, Reason, Request
from suffice.serve.tiers.bundles.explanation import Explanation, Rung

TOP = 5


async def explain(model: Model, request: Request, *, top: int = TOP) -> Explanation:
    """Returns what every rung says to a request, up to the one whose answer is kept."""
    if not isinstance(model, CascadeModel):
        return Explanation(rungs=(await _said(Tier(model=model.name), model, request, top=top),))
    rungs: list[Rung] = []
    for tier, asked in model.rungs:
        if asked is None:
            rungs.append(Rung(name=tier.model, threshold=tier.threshold, is_absent=True))
            break
        rungs.append(await _said(tier, asked, request, top=top, cascade=model))
        if rungs[-1].is_kept:
            break
    return Explanation(rungs=tuple(rungs))


async def _said(
    tier: Tier, model: Model, request: Request, *, top: int, cascade: CascadeModel | None = None
) -> Rung:
    try:
        [answer] = await model.answer([request])
    except ModelError as error:
        return Rung(name=tier.model, threshold=tier.threshold, error=error.message)
    score = None if cascade is None else cascade.trust_in(answer, request)
    is_kept = answer.text is not None and (
        tier.threshold is None or (score is not None and score >= tier.threshold)
    )
    return Rung(
        name=tier.model,
        threshold=tier.threshold,
        score=score,
        is_kept=is_kept,
        text=answer.text,
        confidence=answer.confidence,
        novelty=answer.novelty,
        trust=answer.trust,
        probabilities=_probabilities(model, request.text, top),
        reasons=_reasons(model, request.text, top),
        tokens=_tokens(model, request, answer),
        error=answer.error,
        notes=answer.notes,
    )


def _classifier(model: Model) -> Classifier | None:
    """Returns the classifier that a rung is or wraps; None where it is none."""
    while isinstance(model, AlarmModel | GatedModel):
        model = model.inner
    return model if isinstance(model, Classifier) else None


def _probabilities(model: Model, text: str, top: int) -> tuple[tuple[str, float], ...]:
    classifier = _classifier(model)
    if classifier is None:
        return ()
    shares = classifier.classify([text]).probabilities[0]
    return tuple((classifier.labels[at], float(shares[at])) for at in (-shares).argsort(kind="stable")[:top])


def _reasons(model: Model, text: str, top: int) -> tuple[Reason, ...]:
    classifier = _classifier(model)
    return () if classifier is None else tuple(classifier.explain(text, top=top))


def _tokens(model: Model, request: Request, answer: Answer) -> tuple[tuple[str, float], ...]:
    """Returns the tokens a decoder writes with their probabilities; () for what does not write, or cannot."""
    while isinstance(model, GatedModel):
        model = model.inner
    if not isinstance(model, GgufWriter) or answer.error is not None:
        return ()
    piece = model.served.engine.piece
    for chunk in model.stream(request):
        if (done := chunk.completion) is not None:
            pairs = zip(done.tokens, done.log_probabilities, strict=True)
            return tuple((piece(token).decode("utf-8", "replace"), math.exp(log_p)) for token, log_p in pairs)
    return ()
