"""Checks that the two decision APIs share: texts, options, how many."""

from collections.abc import Sequence
from typing import Any

from suffice.serve.errors import BadCall
from suffice.serve.wire import body as fields

MOST_QUESTIONS = 400
MOST_OPTIONS = 255


def check_count(found: int, param: str, low: int, high: int) -> None:
    """Checks how many there are.

    Raises:
        BadCall: too few or too many; names the number.
    """
    if not low <= found <= high:
        raise BadCall(f"{param} must have {low} to {high} entries, not {found}", param=param)


def check_distinct(values: Sequence[Any], param: str) -> None:
    """Checks that no value is given twice; true and "true" are two.

    Raises:
        BadCall: one is.
    """
    seen = set()
    for value in values:
        mark = (type(value), value)
        if mark in seen:
            raise BadCall(f"{param} has {fields.shown(value)} twice", param=param)
        seen.add(mark)


def check_instructions(question: dict[str, Any], param: str, needs: set[str]) -> None:
    """Checks what a question says in words, a text or a list of parts; pictures go into `needs`.

    Raises:
        BadCall: there are no instructions, or none of that form.
    """
    said = question.get("instructions")
    if said is None:
        raise BadCall(
            f"{param}.instructions is missing",
            param=f"{param}.instructions",
            code="missing_required_parameter",
        )
    if isinstance(said, str):
        return
    fields.a_list_of_objects(said, f"{param}.instructions")
    if any(part.get("type") == "input_image" for part in said):
        needs.add("images")
