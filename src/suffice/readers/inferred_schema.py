"""The schema of targets that come without one: fields, types, which always stand, lists of values."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from suffice.readers.samples import normalised
from suffice.task import Sample

# A text field has a list of allowed values where it has at most so many, each seen about so often,
# and they are not copied out of the input: then a new value is a mistake.
_MOST_VALUES, _ROWS_A_VALUE, _COPIED_SHARE = 200, 5, 0.5


def inferred(samples: Sequence[Sample]) -> dict[str, Any]:
    """Returns a schema that every target fits: fields, types, which always stand, and lists of values.

    A field that every object has is required; no other fields are allowed. A text field whose few values are
    not copied out of the input gets them as its list.
    """
    return _object([(sample.target, normalised(sample.text).casefold()) for sample in samples])


def _object(pairs: Sequence[tuple[Any, str]]) -> dict[str, Any]:
    names: dict[str, list[tuple[Any, str]]] = {}
    for value, text in pairs:
        for name, inner in value.items():
            names.setdefault(name, []).append((inner, text))
    return {
        "type": "object",
        "properties": {name: _any(values) for name, values in names.items()},
        "required": [name for name, values in names.items() if len(values) == len(pairs)],
        "additionalProperties": False,
    }


def _any(pairs: Sequence[tuple[Any, str]]) -> dict[str, Any]:
    kinds = sorted({_kind(value) for value, _ in pairs})
    if kinds == ["integer", "number"]:
        kinds = ["number"]
    schema: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds}
    objects = [(value, text) for value, text in pairs if isinstance(value, Mapping)]
    lists = [(value, text) for value, text in pairs if isinstance(value, list)]
    if objects:
        schema |= _object(objects) | {"type": schema["type"]}
    if lists:
        items = [(item, text) for value, text in lists for item in value]
        schema["items"] = _any(items) if items else {}
    if kinds == ["string"] and (values := _listed([(str(v), text) for v, text in pairs])):
        schema["enum"] = values
    return schema


def _listed(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Returns the allowed values of a text field, sorted; [] where any text may stand."""
    values = sorted({value for value, _ in pairs})
    if len(values) > _MOST_VALUES or len(values) * _ROWS_A_VALUE > len(pairs):
        return []
    copied = sum(normalised(value).casefold() in text for value, text in pairs)
    return values if copied <= _COPIED_SHARE * len(pairs) else []


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def fields_in_words(schema: Mapping[str, Any], prefix: str = "") -> Iterable[str]:
    """Yields each field with its type: "intent (one of 7)", "slots.city (string)"."""
    for name, inner in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        if isinstance(inner, Mapping) and inner.get("properties"):
            yield from fields_in_words(inner, f"{path}.")
            continue
        values = inner.get("enum") if isinstance(inner, Mapping) else None
        kind = inner.get("type", "any") if isinstance(inner, Mapping) else "any"
        yield f"{path} ({f'one of {len(values)}' if values else kind})"
