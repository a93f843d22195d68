"""The shape of an object: which fields it has, where their values come from, how they are put together."""

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

Path = tuple[str, ...]
Source = Literal["span", "category", "constant"]
ABSENT = "null"


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of the object, by its path of keys.

    `source`: copied from the text (span), one of `values` as JSON texts (category; `ABSENT` where the field
    may be missing), or always `values[0]` (constant). `type` is that of one value. `many`: how several
    spans are given: "first" only, "list" always, or "mixed" (one alone as it is, several as a list).
    """

    path: Path
    source: Source
    type: Literal["string", "integer", "number"] = "string"
    many: Literal["first", "list", "mixed"] = "first"
    values: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns the field as plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Returns the field that `to_json` wrote.

        Raises:
            TypeError, KeyError: it is no field.
        """
        return cls(**{**value, "path": tuple(value["path"]), "values": tuple(value["values"])})


def leaves(value: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yields each value of an object that is no object itself, with its path; null ones are left out."""
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from leaves(inner, (*path, key))
        elif inner is not None:
            yield (*path, key), inner


def built(values: Sequence[tuple[Path, Any]], branches: Sequence[Path]) -> dict[str, Any]:
    """Returns the object of these values; `branches` are the inner objects that stand even when empty."""
    whole: dict[str, Any] = {}
    for branch in branches:
        _inner(whole, branch)
    for path, value in values:
        _inner(whole, path[:-1])[path[-1]] = value
    return whole


def written(value: Mapping[str, Any]) -> str:
    """Returns an object as the JSON text that is answered."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Says whether two objects hold the same values, white space aside."""
    return _comparable(one) == _comparable(other)


def value_of(text: str, field: Field) -> Any:
    """Returns a span's text as a value of the field's type; None where it is none."""
    if field.type == "string":
        return text.encode("utf-8", "replace").decode()
    try:
        number = float(text)
        return int(number) if field.type == "integer" or number.is_integer() else number
    except (ValueError, OverflowError):
        return None


def _inner(whole: dict[str, Any], path: Path) -> dict[str, Any]:
    for key in path:
        whole = whole.setdefault(key, {})
    return whole


def _comparable(value: Mapping[str, Any]) -> dict[str, str]:
    return {
        json.dumps(path): " ".join(unicodedata.normalize("NFC", json.dumps(leaf, ensure_ascii=False)).split())
        for path, leaf in leaves(value)
    }
