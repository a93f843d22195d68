"""From a body's bytes to a JSON object, and checks of its fields; a refusal names field and value."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from suffice.serve.errors import BadCall
from suffice.serve.json_shape import brackets_in, excess_in, excess_unparsed

_SHOWN = 60

Check = Callable[[Any, str], None]


def read_object(raw: bytes) -> dict[str, Any]:
    """Returns the JSON object a body holds.

    Raises:
        BadCall: it is empty, no JSON, no object, nested deeper than 100 levels, or in too many parts.
    """
    if not raw:
        raise BadCall("the body is empty; a JSON object was expected")
    brackets = brackets_in(raw)
    if excess := excess_unparsed(raw, brackets):
        raise BadCall(f"the body has {excess}")
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadCall(f"the body is not JSON in UTF-8: {error}") from None
    if not isinstance(body, dict):
        raise BadCall(f"the body is {_kind(body)}; a JSON object was expected")
    if excess := excess_in(body, brackets):
        raise BadCall(f"the body holds {excess}")
    return body


def wrong(value: Any, param: str, expected: str) -> BadCall:
    """Returns the error for a field's value that cannot be used."""
    return BadCall(f"{param} must be {expected}, not {shown(value)}", param=param)


def shown(value: Any) -> str:
    """Returns a value for a message: its kind, and itself where it is short."""
    if value is None or isinstance(value, bool | int | float | str):
        text = orjson.dumps(value, default=str).decode()
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return _kind(value)


def check_fields(body: Mapping[str, Any], checks: Mapping[str, Check]) -> None:
    """Checks the fields that have a check; null is as good as absent, unknown fields are the upstream's.

    Raises:
        BadCall: a value cannot be used; `param` names the field.
    """
    for name, value in body.items():
        check = checks.get(name)
        if check is not None and value is not None:
            check(value, name)


def required_text(body: Mapping[str, Any], name: str) -> str:
    """Returns a field that must be a text and not empty.

    Raises:
        BadCall: it is missing, empty or no text.
    """
    value = body.get(name)
    if value is None:
        raise BadCall(f"{name} is missing", param=name, code="missing_required_parameter")
    if not isinstance(value, str) or not value:
        raise wrong(value, name, "a text that is not empty")
    return value


def a_boolean(value: Any, param: str) -> None:
    """Checks for true or false."""
    if not isinstance(value, bool):
        raise wrong(value, param, "true or false")


def an_object(value: Any, param: str) -> None:
    """Checks for a JSON object."""
    if not isinstance(value, dict):
        raise wrong(value, param, "an object")


def a_text(value: Any, param: str) -> None:
    """Checks for a text."""
    if not isinstance(value, str):
        raise wrong(value, param, "a text")


def a_list(value: Any, param: str) -> None:
    """Checks for a list."""
    if not isinstance(value, list):
        raise wrong(value, param, "a list")


def a_list_of_objects(value: Any, param: str) -> None:
    """Checks for a list of JSON objects."""
    if not isinstance(value, list):
        raise wrong(value, param, "a list of objects")
    for index, one in enumerate(value):
        an_object(one, f"{param}[{index}]")


def a_number(low: float, high: float) -> Check:
    """Returns the check for a number within [low, high]."""

    def check(value: Any, param: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise wrong(value, param, f"a number from {low:g} to {high:g}")

    return check


def a_whole_number(low: int, high: int | None = None) -> Check:
    """Returns the check for a whole number of at least `low`, and at most `high` where there is one."""
    expected = f"a whole number of at least {low}" if high is None else f"a whole number from {low} to {high}"

    def check(value: Any, param: str) -> None:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole or value < low or (high is not None and value > high):
            raise wrong(value, param, expected)

    return check


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return shown(value)
