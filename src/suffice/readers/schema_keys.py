"""Which keys the task file's schema allows at which place, read off the schema itself."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from suffice.readers.spec import Spec


def every_key() -> dict[str, FieldInfo]:
    """Returns the field of every key by its dotted path, e.g. `bars.quality.metric`."""
    return dict(_walk(Spec, ""))


def allowed_keys(parents: tuple[str, ...]) -> list[str]:
    """Returns the keys allowed below a path of keys; [] where the place does not exist."""
    prefix = "".join(f"{parent}." for parent in parents)
    keys = [path.removeprefix(prefix) for path in every_key() if path.startswith(prefix)]
    return [key for key in keys if "." not in key]


def full_path_of(key: str) -> str | None:
    """Returns the path of the one place where a key belongs, without the key, or None."""
    places = [
        path.rpartition(".")[0] for path in every_key() if path.rpartition(".")[2] == key and "." in path
    ]
    return places[0] if len(places) == 1 else None


def _walk(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        written = field.alias or name
        yield prefix + written, field
        for inner in _models_in(field.annotation):
            yield from _walk(inner, f"{prefix}{written}.")


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
