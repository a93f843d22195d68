"""`/v1/decisions`: typed questions about one input to calls, replies to answers with probabilities."""

from collections.abc import Callable, Mapping
from typing import Any

from suffice.ports import UNKNOWN_USAGE, Usage
from suffice.serve.call import Call, Operation
from suffice.serve.decision import Question, QuestionKind, Questions, Value
from suffice.serve.errors import BadCall
from suffice.serve.reply import Reply
from suffice.serve.wire import body as fields
from suffice.serve.wire import questions as shared
from suffice.serve.wire.asked import Api, Asked, Json
from suffice.serve.wire.decided import Decided, decided
from suffice.serve.wire.evidence import evidence_in

_CHECKS: Mapping[str, fields.Check] = {
    "prompt_cache_key": fields.a_text,
    "prompt_cache_options": fields.an_object,
    "safety_identifier": fields.a_text,
}


def read(body: Json) -> Asked:
    """Returns what a decision asks.

    Raises:
        BadCall: the body is none; `param` names the field.
    """
    model = fields.required_text(body, "model")
    fields.check_fields(body, _CHECKS)
    if body.get("input") is None:
        raise BadCall("input is missing", param="input", code="missing_required_parameter")
    evidence = evidence_in(body["input"], "input")
    questions = _questions(body.get("questions"), evidence.needs)
    return Asked(
        model=model,
        body=body,
        request=evidence.request,
        system_prompt=evidence.system_prompt,
        needs=frozenset(evidence.needs),
        questions=questions,
    )


def whole(call: Call, reply: Reply, created: int) -> dict[str, Any]:  # noqa: ARG001 - the form has no time
    """Returns the decision of a reply: a server's own, or the answers in the order of the questions."""
    if reply.payload is not None:
        return {**reply.payload, "model": reply.model}
    answers = [_WRITERS[question.kind](question, one) for question, one in decided(call, reply)]
    return {"object": "decision", "model": reply.model, "answers": answers, "usage": usage_of(reply.usage)}


def abstained(call: Call) -> dict[str, Any]:
    """Returns the decision where no answer can be trusted: every question is refused."""
    asked = () if call.questions is None else call.questions.asked
    answers = [_refusal(question) for question in asked]
    return {
        "object": "decision",
        "model": call.route,
        "answers": answers,
        "usage": usage_of(UNKNOWN_USAGE),
    }


def usage_of(usage: Usage) -> dict[str, Any]:
    """Returns the usage in the API's shape; null where a model does not count: unknown is not 0."""
    read_, written = usage.input_tokens, usage.output_tokens
    return {
        "input_tokens": read_,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": None if read_ is None or written is None else read_ + written,
    }


def _questions(value: Any, needs: set[str]) -> Questions:
    if value is None:
        raise BadCall("questions is missing", param="questions", code="missing_required_parameter")
    fields.a_list_of_objects(value, "questions")
    shared.check_count(len(value), "questions", 1, shared.MOST_QUESTIONS)
    return Questions(
        asked=tuple(_question(one, f"questions[{number}]", needs) for number, one in enumerate(value))
    )


def _question(one: dict[str, Any], param: str, needs: set[str]) -> Question:
    kind = one.get("type")
    if not isinstance(kind, str) or kind not in {"predicate", "choice", "score"}:
        raise fields.wrong(kind, f"{param}.type", '"predicate", "choice" or "score"')
    name = one.get("name")
    if name is not None:
        fields.a_text(name, f"{param}.name")
    shared.check_instructions(one, param, needs)
    options: tuple[Value, ...] = ()
    if kind == "choice":
        options = _options(one.get("choices"), f"{param}.choices", "value", low=2)
    elif kind == "score":
        options = _options(one.get("levels"), f"{param}.levels", "label", low=1)
    return Question(kind=QuestionKind(kind), name=name, options=options)


def _options(value: Any, param: str, key: str, *, low: int) -> tuple[Value, ...]:
    if value is None:
        raise BadCall(f"{param} is missing", param=param, code="missing_required_parameter")
    fields.a_list_of_objects(value, param)
    shared.check_count(len(value), param, low, shared.MOST_OPTIONS)
    options = [one.get(key) for one in value]
    for number, option in enumerate(options):
        if not isinstance(option, str) and not (key == "value" and isinstance(option, bool)):
            wanted = "a text, true or false" if key == "value" else "a text"
            raise fields.wrong(option, f"{param}[{number}].{key}", wanted)
    shared.check_distinct(options, param)
    return tuple(options)


def _refusal(question: Question) -> dict[str, Any]:
    return {"type": "refusal", "name": question.name}


def _predicate(question: Question, said: Decided | None) -> dict[str, Any]:
    if said is None:
        return _refusal(question)
    return {"type": "predicate", "name": question.name, "probability": said.probabilities[0]}


def _choice(question: Question, said: Decided | None) -> dict[str, Any]:
    if said is None:
        return _refusal(question)
    return {
        "type": "choice",
        "name": question.name,
        "choice": said.choice,
        "confidence": said.confidence,
        "probabilities": [
            {"value": option, "probability": share}
            for option, share in zip(question.options, said.probabilities, strict=True)
        ],
    }


def _score(question: Question, said: Decided | None) -> dict[str, Any]:
    if said is None:
        return _refusal(question)
    levels = zip(question.options, said.probabilities, strict=True)
    return {
        "type": "score",
        "name": question.name,
        "score": said.choice,
        "confidence": said.confidence,
        "probabilities": [
            {"label": label, "value": number, "probability": share}
            for number, (label, share) in enumerate(levels)
        ],
    }


_WRITERS: Mapping[QuestionKind, Callable[[Question, Decided | None], dict[str, Any]]] = {
    QuestionKind.PREDICATE: _predicate,
    QuestionKind.CHOICE: _choice,
    QuestionKind.SCORE: _score,
}

API = Api(operation=Operation.DECISION, read=read, whole=whole, abstained=abstained, is_for_people=False)
