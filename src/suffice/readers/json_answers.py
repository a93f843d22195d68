"""Objects out of models' texts: what counts as a JSON answer at all."""

import json
import re
from collections.abc import Mapping
from typing import Any

from suffice.task import JsonValue, Kind

_FENCE = re.compile(r"\A```(?:json)?[ \t]*\n(.*?)\n?```\Z", re.DOTALL)
_LARGEST_CHARACTERS = 1_000_000


def answer_object(answer: JsonValue) -> Mapping[str, Any] | None:
    """Returns the object an answer is, or None where it is none.

    White space and one code fence around the object are taken off; prose around it is not: who uses
    the answer would have to guess, too. NaN and infinities are no JSON (RFC 8259, section 6).
    """
    if isinstance(answer, str):
        text = answer.strip()
        if (fenced := _FENCE.match(text)) is not None:
            text = fenced.group(1)
        if len(text) > _LARGEST_CHARACTERS:
            return None
        try:
            answer = json.loads(text, parse_constant=_refused)
        except (ValueError, RecursionError):
            return None
    return answer if isinstance(answer, Mapping) else None


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def taught_target(reference: JsonValue, kind: Kind) -> JsonValue:
    """Returns what a model learns from the reference's answer where there is no truth; None: nothing."""
    return answer_object(reference) if kind is Kind.EXTRACT else reference
