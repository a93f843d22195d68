"""The JSON Schema of an extract task's answers: read, checked, and held against values."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from suffice.errors import SpecError
from suffice.readers.findings import Finding, Severity
from suffice.task import Sample, Split

_LARGEST_BYTES = 1 << 20


def read_schema(written: Any, *, base: Path, place: str) -> dict[str, Any]:
    """Returns the schema that stands in the task file, or in the JSON file it names.

    Raises:
        SpecError: the file cannot be read, or what it holds is no JSON Schema of objects.
    """
    if isinstance(written, str):
        written, place = _from_file(base / Path(written).expanduser(), place), f"{place}: {written}"
    if not isinstance(written, Mapping):
        raise SpecError(
            f"{place}: 'schema' is {_shown(written)}, not a JSON Schema",
            hint="write the schema's keys below `schema:`, or the path of a JSON file",
        )
    schema = dict(written)
    _check(schema, place)
    return schema


def _from_file(path: Path, place: str) -> Any:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise SpecError(f"{place}: the schema {path} is larger than {_LARGEST_BYTES:,} bytes")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            f"{place}: the schema {path} cannot be read: {error}", hint="check the path"
        ) from error
    except (ValueError, RecursionError) as error:
        raise SpecError(
            f"{place}: the schema {path} is not JSON: {error}", hint="a schema file holds one JSON object"
        ) from error


def _check(schema: dict[str, Any], place: str) -> None:
    from jsonschema import SchemaError  # noqa: PLC0415 - only extract tasks need it
    from jsonschema.validators import validator_for  # noqa: PLC0415

    for reference in _references(schema):
        if not reference.startswith("#"):
            raise SpecError(
                f"{place}: the schema refers to {reference!r}; nothing is fetched from elsewhere",
                hint="put the part under '$defs' and refer to it as '#/$defs/name'",
            )
    try:
        validator_for(schema).check_schema(schema)
    except SchemaError as error:
        where = ".".join(map(str, ("schema", *error.absolute_path)))
        raise SpecError(
            f"{place}: {where!r} is {_shown(error.instance)}: no JSON Schema ({error.message[:200]})",
            hint="a field's type is string, number, integer, boolean, object, array or null",
        ) from error
    kinds = schema.get("type", "object")
    if "object" not in ([kinds] if isinstance(kinds, str) else kinds):
        raise SpecError(
            f"{place}: the schema's type is {kinds!r}; an extract task answers with an object",
            hint="write `type: object` and put the value under `properties`",
        )


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in {"$ref", "$dynamicRef"} and isinstance(inner, str):
                yield inner
            yield from _references(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _references(inner)


def violation(value: Any, schema: Mapping[str, Any]) -> str | None:
    """Returns where and why a value does not fit a schema, or None where it fits."""
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - only extract tasks need it
    from jsonschema.validators import validator_for  # noqa: PLC0415

    error = best_match(validator_for(schema)(schema).iter_errors(value))
    if error is None:
        return None
    return f"{error.json_path}: {error.message[:160]}"


def misfits(split: Split, samples: Sequence[Sample], schema: Mapping[str, Any]) -> list[Finding]:
    """Returns a finding where targets do not fit the schema: no model bound to it can answer them right."""
    from jsonschema.validators import validator_for  # noqa: PLC0415 - only extract tasks need it

    validator = validator_for(schema)(schema)
    known = [sample for sample in samples if sample.target is not None]
    wrong = [sample for sample in known if not validator.is_valid(sample.target)]
    if not wrong:
        return []
    return [
        Finding(
            what=f"{split.value} targets that do not fit the schema",
            count=len(wrong),
            detail=f"of {len(known):,}; a model bound to the schema cannot answer them right",
            examples=tuple(f"{s.source}: {violation(s.target, schema)}" for s in wrong[:3]),
            severity=Severity.WARNING,
        )
    ]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
