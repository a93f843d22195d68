"""Which field of a task's objects can be copied from the text, and which is a category of it."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from suffice.models.tagger.frame import ABSENT, Field, Path, leaves
from suffice.models.tagger.words import words_of
from suffice.task import Sample

# A field is copied where so many of its values stand in their texts; a category has at most so many values.
_COPIED_SHARE = 0.5
_MOST_VALUES = 512


def fields_of(samples: Sequence[Sample], schema: Mapping[str, Any]) -> tuple[Field, ...]:
    """Returns the fields of the samples' targets, in the schema's order; what is neither is left out."""
    values: dict[Path, list[tuple[Any, str]]] = {}
    for sample in samples:
        for path, value in leaves(object_of(sample)):
            values.setdefault(path, []).append((value, sample.text))
    order = {path: place for place, path in enumerate(_schema_paths(schema))}
    paths = sorted(values, key=lambda path: (order.get(path, len(order)), path))
    found = [_field(path, values[path], len(samples), _part(schema, path)) for path in paths]
    return tuple(field for field in found if field is not None)


def object_of(sample: Sample) -> Mapping[str, Any]:
    """Returns a sample's target where it is an object, else an empty one."""
    return _mapping(sample.target)


def span_values(field: Field, target: Mapping[str, Any]) -> list[str]:
    """Returns the texts of a span field's values in a target."""
    value: Any = target
    for key in field.path:
        value = value.get(key) if isinstance(value, Mapping) else None
    items = value if isinstance(value, list) else [value]
    return [str(item) for item in items if item is not None and not isinstance(item, Mapping | list)]


def category_of(field: Field, target: Mapping[str, Any]) -> str:
    """Returns a category field's value in a target as JSON text, `ABSENT` where it is missing."""
    value: Any = target
    for key in field.path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _field(
    path: Path, values: Sequence[tuple[Any, str]], samples: int, schema: Mapping[str, Any]
) -> Field | None:
    items = [
        (item, text) for value, text in values for item in (value if isinstance(value, list) else [value])
    ]
    is_listed = "enum" in schema or "const" in schema
    kinds = {type(item) for item, _ in items}
    if items and not is_listed and kinds <= {str, int, float}:
        copied = sum(_stands_in(str(item), text) for item, text in items)
        if copied > _COPIED_SHARE * len(items):
            return Field(path=path, source="span", type=_type(kinds), many=_many(values))
    counts = Counter(json.dumps(value, ensure_ascii=False, sort_keys=True) for value, _ in values)
    if len(counts) > _MOST_VALUES:
        return None
    is_always = len(values) == samples
    names = tuple(sorted(counts)) if is_always else tuple(sorted({*counts, ABSENT}))
    return Field(path=path, source="constant" if len(names) == 1 else "category", values=names)


def _type(kinds: set[type]) -> Literal["string", "integer", "number"]:
    if str in kinds:
        return "string"
    return "number" if float in kinds else "integer"


def _many(values: Sequence[tuple[Any, str]]) -> Literal["first", "list", "mixed"]:
    lists = sum(isinstance(value, list) for value, _ in values)
    if not lists:
        return "first"
    return "list" if lists == len(values) else "mixed"


def _stands_in(value: str, text: str) -> bool:
    wanted, forms = [w.form for w in words_of(value)], [w.form for w in words_of(text)]
    size = len(wanted)
    return size > 0 and any(forms[at : at + size] == wanted for at in range(len(forms) - size + 1))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _schema_paths(schema: Mapping[str, Any], path: Path = ()) -> list[Path]:
    found = []
    for key, inner in _mapping(schema.get("properties")).items():
        found += _schema_paths(_mapping(inner), (*path, key)) or [(*path, key)]
    return found


def _part(schema: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    for key in path:
        schema = _mapping(_mapping(schema.get("properties")).get(key))
    return schema


def branches_of(samples: Sequence[Sample]) -> tuple[Path, ...]:
    """Returns the paths of inner objects that every target has, even where they are empty."""
    counts: Counter[Path] = Counter()
    for sample in samples:
        counts.update(_branches(object_of(sample), ()))
    return tuple(sorted(path for path, count in counts.items() if count == len(samples)))


def _branches(value: Mapping[str, Any], path: Path) -> list[Path]:
    found = []
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            found += [(*path, key), *_branches(inner, (*path, key))]
    return found
