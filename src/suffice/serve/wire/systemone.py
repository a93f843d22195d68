"""`/v1/systemone`: named questions about one state to calls, replies to answers by their names."""

from collections.abc import Mapping
from typing import Any

from suffice.ports import Usage
from suffice.serve.call import Call, Operation
from suffice.serve.decision import Question, QuestionKind, Questions
from suffice.serve.errors import BadCall
from suffice.serve.reply import Reply
from suffice.serve.wire import body as fields
from suffice.serve.wire import questions as shared
from suffice.serve.wire.asked import Api, Asked, Json
from suffice.serve.wire.decided import Decided, decided
from suffice.serve.wire.evidence import NO_TEXT, Evidence, evidence_in
from suffice.serve.wire.turns import text_request

_KINDS = {"noul": QuestionKind.PREDICATE, "choice": QuestionKind.CHOICE, "score": QuestionKind.SCORE}
_MOST_LEVELS = 10


def read(body: Json) -> Asked:
    """Returns what is asked of a state.

    Raises:
        BadCall: the body is no such request; `param` names the field.
    """
    model = fields.required_text(body, "model")
    evidence = _state(body.get("state"))
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
    """Returns the answers of a reply by the questions' names: a server's own, or those of its probabilities.

    Raises:
        BadCall: the model cannot answer a question; says what it can. The API has no word for that.
    """
    if reply.payload is not None:
        return {**reply.payload, "model": reply.model}
    answers: dict[str, Any] = {}
    for question, said in decided(call, reply):
        name = question.name or ""
        if said is None:
            raise BadCall(
                f"{call.route} cannot answer: {reply.doubt}",
                code="question_not_answerable",
                param=f"questions.{name}",
            )
        answers[name] = _answer(question, said)
    return {"object": "systemone", "model": reply.model, "answers": answers, "usage": _usage(reply.usage)}


def _state(state: Any) -> Evidence:
    """Returns what is read of a state: a text, or the turns of a chat. Anything else is for servers."""
    if state is None:
        raise BadCall("state is missing", param="state", code="missing_required_parameter")
    if isinstance(state, str):
        return evidence_in(state, "state")
    if not isinstance(state, list | dict):
        raise fields.wrong(state, "state", "a text, an object or a list")
    if isinstance(state, list) and state and all(isinstance(one, dict) and "role" in one for one in state):
        return evidence_in(state, "state")
    return Evidence(text_request(""), needs={NO_TEXT})


def _questions(value: Any, needs: set[str]) -> Questions:
    if value is None:
        raise BadCall("questions is missing", param="questions", code="missing_required_parameter")
    fields.an_object(value, "questions")
    shared.check_count(len(value), "questions", 1, shared.MOST_QUESTIONS)
    asked = tuple(_question(name, one, needs) for name, one in value.items())
    return Questions(asked=asked, must_all=True)


def _question(name: str, one: Any, needs: set[str]) -> Question:
    param = f"questions.{name[:60]}"
    fields.an_object(one, param)
    kind = one.get("type")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise fields.wrong(kind, f"{param}.type", '"noul", "choice" or "score"')
    shared.check_instructions(one, param, needs)
    criteria = one.get("criteria")
    options: tuple[str, ...] = ()
    if kind == "noul":
        if criteria is not None:
            fields.an_object(criteria, f"{param}.criteria")
    elif kind == "choice":
        fields.an_object(criteria, f"{param}.criteria")
        shared.check_count(len(criteria), f"{param}.criteria", 1, shared.MOST_OPTIONS)
        options = tuple(criteria)
    else:
        fields.a_list(criteria, f"{param}.criteria")
        shared.check_count(len(criteria), f"{param}.criteria", 1, _MOST_LEVELS)
        for number, level in enumerate(criteria):
            fields.a_text(level, f"{param}.criteria[{number}]")
        shared.check_distinct(criteria, f"{param}.criteria")
        options = tuple(criteria)
    return Question(kind=_KINDS[kind], name=name, options=options)


def _answer(question: Question, said: Decided) -> dict[str, Any]:
    if question.kind is QuestionKind.PREDICATE:
        return {"type": "noul", "noul": said.probabilities[0]}
    if question.kind is QuestionKind.CHOICE:
        shares = dict(zip(map(str, question.options), said.probabilities, strict=True))
        return {
            "type": "choice",
            "choice": said.choice,
            "confidence": said.confidence,
            "probabilities": shares,
        }
    numbers = [str(number) for number in range(len(question.options))]
    return {
        "type": "score",
        "score": said.choice,
        "confidence": said.confidence,
        "probabilities": dict(zip(numbers, said.probabilities, strict=True)),
        "legend": dict(zip(numbers, question.options, strict=True)),
    }


def _usage(usage: Usage) -> Mapping[str, int | None]:
    """Returns the usage in the API's shape; null where a model does not count."""
    return {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}


API = Api(operation=Operation.SYSTEM_ONE, read=read, whole=whole, is_for_people=False)
