"""Frozen dataclasses to plain JSON values and back, by their declared types."""

import dataclasses
import math
import types
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from suffice.errors import ArtefactError

T = TypeVar("T")


def encode(value: Any, *, path: str = "") -> Any:
    """Returns a value as dicts, lists, strings, numbers, booleans and None.

    Raises:
        ValueError: a number is NaN or infinite; JSON has no such number.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (field.name for field in dataclasses.fields(value))
        return {name: encode(getattr(value, name), path=_join(path, name)) for name in names}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): encode(item, path=_join(path, str(key))) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encode(item, path=f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{path} is {value}, which JSON cannot hold: give None and a reason")
    return value


def decode(kind: type[T], value: Any) -> T:
    """Returns the dataclass that `encode` wrote; fields with defaults may be missing.

    Raises:
        ArtefactError: a field is unknown, missing or of the wrong type.
    """
    decoded: T = _decode(kind, value, "")
    return decoded


def _decode(kind: Any, value: Any, path: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        (inner,) = (option for option in get_args(kind) if option is not type(None))
        return _decode(inner, value, path)
    if origin is tuple:
        return _decode_tuple(kind, value, path)
    if origin is Mapping:
        _expect(isinstance(value, Mapping), kind, value, path)
        _, inner = get_args(kind)
        return {str(key): _decode(inner, item, _join(path, str(key))) for key, item in value.items()}
    if dataclasses.is_dataclass(kind):
        return _decode_fields(kind, value, path)
    if issubclass(kind, Enum):
        _expect(value in {member.value for member in kind}, kind, value, path)
        return kind(value)
    return _decode_scalar(kind, value, path)


def _decode_tuple(kind: Any, value: Any, path: str) -> tuple[Any, ...]:
    _expect(isinstance(value, list), kind, value, path)
    kinds = get_args(kind)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_decode(kinds[0], item, f"{path}[{index}]") for index, item in enumerate(value))
    _expect(len(value) == len(kinds), kind, value, path)
    pairs = zip(kinds, value, strict=True)
    return tuple(_decode(inner, item, f"{path}[{index}]") for index, (inner, item) in enumerate(pairs))


def _decode_fields(kind: Any, value: Any, path: str) -> Any:
    _expect(isinstance(value, Mapping), kind, value, path)
    hints = _hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(set(value) - set(fields))
    if unknown:
        raise ArtefactError(f"unknown field {_join(path, unknown[0])!r} in the report's facts", hint=_HINT)
    for name, field in fields.items():
        has_default = (
            field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        )
        if name not in value and not has_default:
            raise ArtefactError(f"field {_join(path, name)!r} is missing in the report's facts", hint=_HINT)
    return kind(**{name: _decode(hints[name], item, _join(path, name)) for name, item in value.items()})


def _decode_scalar(kind: Any, value: Any, path: str) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is float:
        _expect(is_number, kind, value, path)
        return float(value)
    if kind is int:
        _expect(is_number and value == int(value), kind, value, path)
        return int(value)
    _expect(isinstance(value, kind), kind, value, path)
    return value


_HINT = "report.json is of another version or was changed: run again to write it anew"


def _expect(holds: bool, kind: Any, value: Any, path: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not holds:
        name = getattr(kind, "__name__", str(kind))
        raise ArtefactError(f"the report's fact {path!r} is {value!r}, expected {name}", hint=_HINT)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)
