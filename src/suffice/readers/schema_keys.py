"""Which keys a file's schema allows at which place, read off the schema itself."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from suffice.readers.spec import Spec

# Stands in a path for a key that whoever writes the file chooses.
NAME = "NAME"


def every_key(schema: type[BaseModel] = Spec) -> dict[str, FieldInfo]:
    """Returns the field of every key by its dotted path, e.g. `bars.quality.metric`, `tiers.NAME.kind`."""
    return dict(_walk(schema, ""))


def allowed_keys(parents: tuple[str, ...], schema: type[BaseModel] = Spec) -> list[str]:
    """Returns the keys allowed below a path of keys; [] where the place does not exist."""
    paths = [path.split(".") for path in every_key(schema)]
    return [path[-1] for path in paths if len(path) == len(parents) + 1 and _is_at(path, parents)]


def full_path_of(key: str, schema: type[BaseModel] = Spec) -> str | None:
    """Returns the path of the one place where a key belongs, without the key, or None."""
    places = [
        path.rpartition(".")[0]
        for path in every_key(schema)
        if path.rpartition(".")[2] == key and "." in path
    ]
    return places[0] if len(places) == 1 else None


def _is_at(path: list[str], parents: tuple[str, ...]) -> bool:
    return all(step in {written, NAME} for step, written in zip(path, parents, strict=False))


def _walk(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        written = field.alias or name
        yield prefix + written, field
        for inner, between in _models_in(field.annotation):
            yield from _walk(inner, f"{prefix}{written}.{between}")


def _models_in(annotation: Any, between: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, between
    origin = get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        between += f"{NAME}."
    for argument in get_args(annotation):
        yield from _models_in(argument, between)
