"""JSON Schema (2020-12) in bounded time: each keyword that is looked at counts, and there is an end.

A schema of a few hundred bytes can ask for 2^30 comparisons (`anyOf` of references to `anyOf` of ...);
patterns can backtrack; `uniqueItems` compares all pairs. Schemas come from clients, so all three are bounded.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema
import orjson
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry

from suffice.serve.decide.patterns import pattern_of

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]

_MOST_STEPS = 10_000
# Keywords within keywords. Each takes some frames of Python's stack, whose end must not be met: the
# library's own maps are not Python and do not survive that.
_DEEPEST = 100
_REFERENCE_STEPS = 8
_LISTED_A_STEP = 2
_REFERENCES = frozenset({"$ref", "$dynamicRef"})
_EACH_WITH_EACH = frozenset({"patternProperties", "dependentSchemas"})


class TooManySteps(Exception):  # noqa: N818 - reads as what it is where it is caught
    """A schema that takes too many steps to hold against one value."""


class _Meter:
    """The steps that are left, and how deep they are; validation is synchronous: there is one at a time."""

    left = 0
    depth = 0


def check(validator: Validator, value: Any) -> ValidationError | None:
    """Returns the first misfit of a value, None where it fits.

    Raises:
        TooManySteps: the schema takes more than 10,000 steps, or goes round in a circle.
    """
    _Meter.left, _Meter.depth = _MOST_STEPS, 0
    return next(iter(validator.iter_errors(value)), None)


def validator_of(schema: Mapping[str, Any]) -> Validator:
    """Returns a validator that fetches nothing: what a schema refers to must be within it."""
    validator: Validator = _Bounded(dict(schema), registry=Registry())
    return validator


def _cost(name: str, wanted: Any, value: Any) -> int:
    """Returns about how long a keyword itself takes, in steps of some 10 microseconds."""
    if name in _REFERENCES:
        return _REFERENCE_STEPS
    listed = len(wanted) if isinstance(wanted, list | dict) else 0
    if name in _EACH_WITH_EACH and isinstance(value, dict):
        listed *= len(value)
    elif name == "uniqueItems" and isinstance(value, list):
        listed = len(value)
    return 1 + listed // _LISTED_A_STEP


def _counted(name: str, keyword: Keyword) -> Keyword:
    def counting(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        _Meter.left -= _cost(name, wanted, value)
        if _Meter.left < 0 or _Meter.depth >= _DEEPEST:
            raise TooManySteps
        _Meter.depth += 1
        try:
            yield from keyword(validator, wanted, value, schema) or ()
        finally:
            _Meter.depth -= 1

    return counting


def _pattern(validator: Any, wanted: Any, value: Any, _: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "string") and not pattern_of(wanted).is_in(value):
        yield ValidationError("does not match its pattern")


def _pattern_properties(validator: Any, wanted: Any, value: Any, _: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "object"):
        for pattern, schema in wanted.items():
            for name, inner in value.items():
                if pattern_of(pattern).is_in(name):
                    yield from validator.descend(inner, schema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(value, "object") or wanted is True:
        return
    known = schema.get("properties", {})
    patterns = [pattern_of(pattern) for pattern in schema.get("patternProperties", {})]
    for name, inner in value.items():
        if name not in known and not any(pattern.is_in(name) for pattern in patterns):
            if wanted is False:
                yield ValidationError("has a property that the schema does not name")
            else:
                yield from validator.descend(inner, wanted, path=name)


def _unique_items(validator: Any, wanted: Any, value: Any, _: Any) -> Iterator[ValidationError]:
    if wanted and validator.is_type(value, "array"):
        seen = {orjson.dumps(_whole(item), option=orjson.OPT_SORT_KEYS) for item in value}
        if len(seen) < len(value):
            yield ValidationError("has an item twice")


def _whole(value: Any) -> Any:
    """Returns a value in which 1.0 is written as 1: JSON Schema has them equal."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    return value


_REPLACED = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
_Bounded = extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    validators={
        name: _counted(name, keyword)
        for name, keyword in {**jsonschema.Draft202012Validator.VALIDATORS, **_REPLACED}.items()
    },
)
