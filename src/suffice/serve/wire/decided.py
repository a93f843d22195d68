"""What a reply says to each question of a decision, before an API writes it in its own words."""

from collections.abc import Iterator
from dataclasses import dataclass

from suffice.serve.call import Call
from suffice.serve.decision import Question, QuestionKind, Value
from suffice.serve.reply import Reply


@dataclass(frozen=True, kw_only=True, slots=True)
class Decided:
    """The answer to one question: the probability of each of its options (of holding, for a predicate).

    `choice` is the option of the certified answer, or the value of a score: the mean of the levels' numbers,
    from 0, weighted by their probabilities. `confidence` is the probability of the choice, or of the
    likeliest level.
    """

    probabilities: tuple[float, ...]
    choice: Value | float | None = None
    confidence: float = 0.0


def decided(call: Call, reply: Reply) -> Iterator[tuple[Question, Decided | None]]:
    """Yields each question with its answer, None where the reply has none."""
    answer = reply.answer
    shares = {} if answer is None else dict(answer.probabilities)
    for question in () if call.questions is None else call.questions.asked:
        labels = question.labels(tuple(shares))
        if not labels or answer is None or answer.text is None:
            yield question, None
            continue
        yield question, _decided(question, labels, [shares[label] for label in labels], answer.text)


def _decided(question: Question, labels: tuple[str, ...], shares: list[float], said: str) -> Decided | None:
    probabilities = tuple(shares)
    if question.kind is QuestionKind.PREDICATE:
        return Decided(probabilities=probabilities)
    if question.kind is QuestionKind.SCORE:
        score = sum(number * share for number, share in enumerate(shares))
        return Decided(probabilities=probabilities, choice=score, confidence=max(shares))
    if said not in labels:
        return None
    at = labels.index(said)
    return Decided(probabilities=probabilities, choice=question.options[at], confidence=shares[at])
