"""A JSON Schema of objects as the fields of a form, and the object that such a form's words make.

A field is named by its JSON pointer (RFC 6901). What no simple field can hold is written as JSON.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from suffice.serve.errors import BadCall

Json = dict[str, Any]

MOST_FIELDS = 200
# Of a choice; more are typed: references may have one long list many times on a page.
MOST_OPTIONS = 300
_DEEPEST = 4
_LONG = 80
_INPUTS = {"integer": "whole", "number": "number", "string": "text"}


def fields_of(schema: Mapping[str, Any], given: Mapping[str, Any] | None = None) -> list[Json]:
    """Returns the fields of a form for an answer that fits a schema, filled in with a given object.

    [] where the schema names no properties, or more than `MOST_FIELDS`. A field's `kind` is text, long
    (a text of several lines), number, whole, choice, lines (a list, one item a line) or json.
    """
    every = _fields(schema, schema, pointer="", given=given or {}, depth=0)
    found = list(islice(every, MOST_FIELDS + 1))  # references may go round: there may be very many
    return found if len(found) <= MOST_FIELDS else []


def object_of(schema: Mapping[str, Any], said: Mapping[str, str]) -> Json:
    """Returns the object that a form's fields make; a field that was left empty is left out, or null.

    Raises:
        BadCall: what was written in a field is not of its kind; `param` is the field's pointer.
    """
    made: Json = {}
    for field in fields_of(schema):
        pointer = field["pointer"]
        value = _value(field, said.get(pointer, "").replace("\r\n", "\n"))
        if value is _ABSENT:
            continue
        *path, last = _path(pointer)
        inner = made
        for name in path:
            inner = inner.setdefault(name, {})
        inner[last] = value
    return made


_ABSENT = object()


def _fields(
    schema: Mapping[str, Any], root: Mapping[str, Any], *, pointer: str, given: Any, depth: int
) -> Iterator[Json]:
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return
    required = schema.get("required")
    for name, written in properties.items():
        part, is_nullable = _resolved(written, root)
        at = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        value = given.get(name) if isinstance(given, Mapping) else None
        inner = part.get("properties")
        # What yields no field must not be gone into: the number of fields is what ends the search.
        is_nested = part.get("type") == "object" and isinstance(inner, Mapping) and inner
        if is_nested and depth < _DEEPEST:
            yield from _fields(part, root, pointer=at, given=value, depth=depth + 1)
        else:
            kind, options = _kind(part, value)
            yield {
                "pointer": at,
                "title": " · ".join(_path(at)),
                "about": part.get("description") if isinstance(part.get("description"), str) else "",
                "kind": kind,
                "options": options,
                "is_required": isinstance(required, list) and name in required,
                "is_nullable": is_nullable,
                "items": _item_type(part),
                "value": _shown(value, kind),
            }


def _resolved(written: Any, root: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """Returns a property's schema without references and without null, and whether it may be null."""
    part: Mapping[str, Any] = written if isinstance(written, Mapping) else {}
    is_nullable = False
    for _ in range(_DEEPEST):
        reference, either = part.get("$ref"), part.get("anyOf")
        if isinstance(reference, str) and reference.startswith("#/"):
            part = _led_to(reference, root)
        elif isinstance(either, list) and {"type": "null"} in either and len(either) == 2:
            is_nullable = True
            part = next((one for one in either if one != {"type": "null"}), {})
        else:
            break
    kinds = part.get("type")
    if isinstance(kinds, list):
        is_nullable = is_nullable or "null" in kinds
        plain = [kind for kind in kinds if kind != "null"]
        part = {**part, "type": plain[0] if len(plain) == 1 else None}
    return part, is_nullable


def _led_to(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = root
    for name in _path(reference[1:]):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _kind(part: Mapping[str, Any], value: Any) -> tuple[str, list[Any]]:
    """Returns how a property is asked for, and what there is to choose from."""
    options = part.get("enum")
    if (
        isinstance(options, list)
        and len(options) <= MOST_OPTIONS
        and all(isinstance(one, str | int | float | None) for one in options)
    ):
        return "choice", [one for one in options if one is not None]
    kind = part.get("type")
    if kind == "boolean":
        return "choice", [True, False]
    if kind == "array" and _item_type(part):
        is_plain = value is None or (
            isinstance(value, list) and not any("\n" in str(item) or item == "" for item in value)
        )
        return ("lines" if is_plain else "json"), []
    found = _INPUTS.get(kind, "json") if isinstance(kind, str) else "json"
    if found == "text" and isinstance(value, str) and ("\n" in value or len(value) > _LONG):
        return "long", []
    return found, []


def _item_type(part: Mapping[str, Any]) -> str:
    """Returns the type of a list's items where each fits on a line, else ""."""
    items = part.get("items")
    kind = items.get("type") if part.get("type") == "array" and isinstance(items, Mapping) else None
    return kind if isinstance(kind, str) and kind in _INPUTS else ""


def _shown(value: Any, kind: str) -> str:
    """Returns a value as its field shows it."""
    if value is None:
        return ""
    if kind == "lines" and isinstance(value, list):
        return "\n".join(item if isinstance(item, str) else json.dumps(item) for item in value)
    if isinstance(value, str) and kind != "json":
        return value
    return json.dumps(value, ensure_ascii=False)


def _value(field: Mapping[str, Any], said: str) -> Any:
    """Returns what was written in a field as a value of its kind, `_ABSENT` for what is left out."""
    kind, items = field["kind"], field["items"]
    if not said.strip():
        return _nothing(field)
    try:
        match kind:
            case "text" | "long":
                return said
            case "choice":
                return _chosen(field["options"], said)
            case "lines":
                return _listed(said, items)
            case "number" | "whole":
                return _number(said, "integer" if kind == "whole" else "number")
            case _:
                return json.loads(said, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        wanted = {"number": "a number", "whole": "a whole number", "lines": "one number a line"}
        raise BadCall(
            f"{field['title']}: {said.strip()[:60]!r} is not {wanted.get(kind, 'JSON')}",
            param=field["pointer"],
        ) from error


def _listed(said: str, items: str) -> list[Any]:
    """Returns a list written one item a line, or as JSON: so it is shown where an item has several lines.

    Raises:
        ValueError: an item is no number where it should be.
    """
    if said.lstrip().startswith("["):
        with suppress(ValueError):
            read = json.loads(said, parse_constant=_no_number)
            if isinstance(read, list):
                return read
    lines = [line.strip() for line in said.split("\n") if line.strip()]
    return lines if items == "string" else [_number(line, items) for line in lines]


def _nothing(field: Mapping[str, Any]) -> Any:
    if not field["is_required"]:
        return _ABSENT
    if field["is_nullable"]:
        return None
    match field["kind"]:
        case "text" | "long":
            return ""
        case "lines":
            return []
    raise BadCall(f"{field['title']}: it is needed", param=field["pointer"])


def _chosen(options: Sequence[Any], said: str) -> Any:
    for option in options:
        if said == (option if isinstance(option, str) else json.dumps(option)):
            return option
    raise ValueError(said)


def _number(said: str, kind: str) -> int | float:
    if kind == "integer":
        return int(said)
    read = json.loads(said, parse_constant=_no_number)
    if isinstance(read, bool) or not isinstance(read, int | float):
        raise ValueError(said)  # noqa: TRY004 - what was written is no number
    return read


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _path(pointer: str) -> list[str]:
    return [name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")[1:]]
