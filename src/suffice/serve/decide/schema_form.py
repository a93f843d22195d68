"""Whether a client's JSON Schema (2020-12) can be used: its form, its size, and where it refers to.

The standard's own way, holding a schema against the schema of schemas, takes half a second for 40 KB;
this looks at each keyword once. Keywords it does not know are remarks, as the standard has it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from suffice.serve.decide.pattern_cost import compile_cost
from suffice.serve.decide.patterns import PatternRefused, pattern_of

_DEEPEST = 32
_MOST_SCHEMAS = 5_000
_MOST_PATTERNS = 32
_PATTERN_COST = 5_000
_TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
_ONE = frozenset({"items", "contains", "additionalProperties", "not", "if", "then", "else", "propertyNames"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
# The last two are looked up by following references, without end where those go round.
_REFUSED = frozenset({"$id", "$dynamicRef", "$recursiveRef", "unevaluatedItems", "unevaluatedProperties"})


class SchemaRefused(ValueError):  # noqa: N818 - reads as what it is where it is caught
    """A schema that is none, or that cannot be used here."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_type(value: Any) -> bool:
    return all(
        isinstance(name, str) and name in _TYPES for name in (value if isinstance(value, list) else [value])
    )


def _are_named_names(value: Any) -> bool:
    return isinstance(value, dict) and all(_are_names(names) for names in value.values())


_FORMS: Mapping[str, Callable[[Any], bool]] = {
    "type": _is_type,
    "enum": lambda value: isinstance(value, list),
    "required": _are_names,
    "dependentRequired": _are_named_names,
    "multipleOf": lambda value: _is_number(value) and value > 0,
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _is_count),
    **dict.fromkeys(("minProperties", "maxProperties", "minContains", "maxContains"), _is_count),
    "uniqueItems": lambda value: isinstance(value, bool),
    "pattern": lambda value: isinstance(value, str),
    "$ref": lambda value: isinstance(value, str),
    "$anchor": lambda value: isinstance(value, str),
}


def check_form(schema: Mapping[str, Any]) -> None:
    """Refuses what cannot be used.

    Raises:
        SchemaRefused: names the place and what is wrong there.
    """
    found = _Found()
    waiting: list[tuple[str, Any, int]] = [("#", schema, 0)]
    while waiting:
        place, part, depth = waiting.pop()
        found.places.add(place)
        if depth > _DEEPEST:
            raise SchemaRefused(f"it is nested more than {_DEEPEST} deep")
        if len(found.places) > _MOST_SCHEMAS:
            raise SchemaRefused(f"it holds more than {_MOST_SCHEMAS:,} schemas")
        if isinstance(part, bool):
            continue
        if not isinstance(part, dict):
            raise SchemaRefused(f"{place} is no schema")
        found.look_at(place, part)
        waiting.extend((inner, value, depth + 1) for inner, value in _within(place, part))
    found.check_references()


class _Found:
    """What was seen on the way through a schema."""

    def __init__(self) -> None:
        self.places: set[str] = set()
        self._references: set[str] = set()
        self._patterns: set[str] = set()
        self._pattern_cost = 0

    def look_at(self, place: str, part: Mapping[str, Any]) -> None:
        """Checks the keywords of one schema that hold no schemas."""
        for name, value in part.items():
            if name in _REFUSED:
                raise SchemaRefused(f"{place}/{name} is not supported")
            form = _FORMS.get(name)
            if form is not None and not form(value):
                raise SchemaRefused(f"{place}/{name} has a value that it cannot have")
        if "$anchor" in part:
            self.places.add("#" + part["$anchor"])
        if "$ref" in part:
            self._references.add(unquote(part["$ref"]))
        self._compile([part["pattern"]] if "pattern" in part else [])
        self._compile(part.get("patternProperties", ()))

    def check_references(self) -> None:
        """Refuses references that lead out of the schema, or to what is no schema."""
        for reference in self._references - self.places:
            raise SchemaRefused(f"$ref {reference[:80]!r} leads to no schema within; nothing is fetched")

    def _compile(self, patterns: Any) -> None:
        for pattern in patterns:
            if pattern not in self._patterns:
                self._patterns.add(pattern)
                self._pattern_cost += compile_cost(pattern)
            if len(self._patterns) > _MOST_PATTERNS or self._pattern_cost > _PATTERN_COST:
                raise SchemaRefused("its patterns are too many, or repeat too much")
            try:
                pattern_of(pattern)
            except PatternRefused as error:
                raise SchemaRefused(str(error)) from error


def _within(place: str, part: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields the places and values where the standard has schemas within a schema."""
    for name, value in part.items():
        if name in _ONE:
            yield f"{place}/{name}", value
        elif name in _LISTS:
            if not isinstance(value, list) or not value:
                raise SchemaRefused(f"{place}/{name} is no list of schemas")
            yield from ((f"{place}/{name}/{number}", inner) for number, inner in enumerate(value))
        elif name in _NAMED:
            if not isinstance(value, dict):
                raise SchemaRefused(f"{place}/{name} is no object of schemas")
            for key, inner in value.items():
                yield f"{place}/{name}/{key.replace('~', '~0').replace('/', '~1')}", inner
