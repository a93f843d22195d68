"""A candidate's settings as the fields of a recipe."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

from suffice.candidate import Candidate
from suffice.errors import SpecError

T = TypeVar("T")
_NUMBERS: dict[type, Callable[[Any], float]] = {int: int, float: float}


def given(candidate: Candidate, recipe: type[Any]) -> dict[str, Any]:
    """Returns the fields of a recipe that the candidate sets, as numbers of the fields' types.

    Raises:
        SpecError: a value is not a number.
    """
    settings = dict(candidate.settings)
    return {
        field.name: number(candidate, field.name, field.default)
        for field in fields(recipe)
        if field.name in settings
    }


def number(candidate: Candidate, name: str, default: T) -> T:
    """Returns one numeric setting of the default's type, or the default.

    Raises:
        SpecError: the value is not a number.
    """
    value = candidate.setting(name, default)  # type: ignore[arg-type]
    try:
        return _NUMBERS[type(default)](value)  # type: ignore[return-value]
    except (TypeError, ValueError) as error:
        raise SpecError(f"candidate {candidate.name!r}: {name} must be a number, not {value!r}") from error
