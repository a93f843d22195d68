"""What a decision API was asked and what it chose: OpenAI's `/v1/decisions`, System One's `/v1/systemone`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One question with given answers: its words, and what it is about, a text or the turns of a chat."""

    instructions: str
    material: Any
    name: str  # under which the answer stands; "" where it has none


def is_decision(request: Any) -> bool:
    """Says whether a request body asks questions of a decision API."""
    if not isinstance(request, Mapping) or "messages" in request:
        return False
    questions = request.get("questions")
    is_shaped = isinstance(questions, Mapping | Sequence) and not isinstance(questions, str)
    return is_shaped and ("input" in request or "state" in request)


def choice_asked(request: Mapping[str, Any]) -> Choice | None:
    """Returns the one question of a request, or None: several are several tasks.

    None too for a question of another type, whose answer is a probability or a score: it names no
    answer without a threshold.
    """
    questions = request["questions"]
    named = questions.items() if isinstance(questions, Mapping) else [("", one) for one in _list(questions)]
    asked = list(named)
    if len(asked) != 1 or not isinstance(asked[0][1], Mapping) or asked[0][1].get("type") != "choice":
        return None
    name, question = asked[0]
    return Choice(
        instructions=str(question.get("instructions") or ""),
        material=request["input"] if "input" in request else _text(request["state"]),
        name=str(name),
    )


def choice_made(response: Any, name: str) -> str | None:
    """Returns the answer that was chosen, or None where none was: a refusal, an error."""
    answers = response.get("answers") if isinstance(response, Mapping) else None
    answer = answers.get(name) if isinstance(answers, Mapping) else next(iter(_list(answers)), None)
    chosen = answer.get("choice") if isinstance(answer, Mapping) else None
    if isinstance(chosen, bool):
        return "true" if chosen else "false"
    return chosen if isinstance(chosen, str) else None


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()


def _text(state: Any) -> str:
    return state if isinstance(state, str) else json.dumps(state, ensure_ascii=False, sort_keys=True)
