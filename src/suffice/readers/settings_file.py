"""A YAML file of settings held against its schema; a complaint says file, line, key, and what is allowed."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from suffice.errors import SpecError
from suffice.readers.schema_keys import allowed_keys, full_path_of
from suffice.readers.yaml_lines import Lines, parse

_LARGEST_BYTES = 1 << 20
_SECRETS = {"api_key", "apikey", "key", "token", "secret", "password", "openai_api_key"}


@dataclass(frozen=True, kw_only=True)
class Manual:
    """What complaints about one kind of file refer to.

    `what` is its name ("task file"), `page` documents its keys, `synonyms` are what people type for
    keys that are named otherwise.
    """

    schema: type[BaseModel]
    page: str
    what: str
    folder_hint: str
    size_hint: str
    synonyms: Mapping[str, str]


def read_values(path: Path, manual: Manual) -> tuple[Any, Lines]:
    """Returns a YAML file's value, and the line of each key.

    Raises:
        SpecError: it cannot be read, is too large, or is not YAML.
    """
    what = manual.what
    try:
        data = path.read_bytes()
    except IsADirectoryError as error:
        hint = f"give {path / manual.folder_hint}"
        raise SpecError(f"{path} is a folder, not a {what}", hint=hint) from error
    except OSError as error:
        hint = f"check the path; `{manual.page}` shows a {what}"
        raise SpecError(f"cannot read the {what} {path}: {error.strerror}", hint=hint) from error
    if len(data) > _LARGEST_BYTES:
        raise SpecError(
            f"{path} has {len(data):,} bytes; a {what} has at most {_LARGEST_BYTES:,}", hint=manual.size_hint
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SpecError(
            f"{path}, line {line}: byte {error.start} is not UTF-8", hint="save it as UTF-8"
        ) from error
    try:
        return parse(text)
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(path, text, error) from error
    except (yaml.YAMLError, ValueError) as error:
        raise SpecError(f"{path} is not usable YAML: {error}") from error


def _not_yaml(path: Path, text: str, error: yaml.MarkedYAMLError) -> SpecError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    shown = text.splitlines()[line - 1] if line <= len(text.splitlines()) else ""
    if "\t" in shown[: len(shown) - len(shown.lstrip())]:
        return SpecError(
            f"{path}, line {line}: a tab is used to indent",
            hint="YAML wants spaces; replace the tab by two spaces",
        )
    problem = ", ".join(part for part in (error.context, error.problem) if part) or "it cannot be parsed"
    return SpecError(
        f"{path}, line {line}: this is not YAML: {problem}", hint=f"the line reads: {shown.strip()[:80]!r}"
    )


def explained(error: ValidationError, value: Any, *, manual: Manual, file: str, lines: Lines) -> SpecError:
    """Returns the first problem in words: where it stands, what was found, what was expected."""
    # An unknown key first: it is often why another one is missing.
    problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    first = problems[0]
    path = _written_path(tuple(first["loc"]), value)
    place = place_of(file, path, lines)
    dotted = _dotted(path)
    more = f" ({len(problems) - 1} more problem{'s' if len(problems) > 2 else ''} after this one)"
    suffix = more if len(problems) > 1 else ""
    if first["type"] == "extra_forbidden":
        return SpecError(
            f"{place}: unknown key {dotted!r}{suffix}", hint=allowed(str(path[-1]), path[:-1], manual)
        )
    if first["type"] == "missing":
        return SpecError(
            f"{place}: the key {dotted!r} is missing{suffix}", hint=f"{manual.page} shows every key"
        )
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        where = f"{dotted!r}: " if dotted else ""
        return SpecError(f"{place}: {where}{message}{suffix}", hint=f"{manual.page} shows what goes together")
    hint = "put it in quotes to make it a text" if first["type"] == "string_type" else None
    if first["type"] in {"literal_error", "enum"}:
        hint = _nearest_value(first)
    hint = hint or f"{manual.page} shows what each key takes"
    wanted = re.sub(r"a valid dictionary or instance of \w+", "keys with values", message)
    wanted = wanted.replace("Input should be", "it should be")
    return SpecError(f"{place}: {dotted!r} is {shown(first['input'])}; {wanted}{suffix}", hint=hint)


def _written_path(loc: tuple[str | int, ...], value: Any) -> tuple[str | int, ...]:
    """Drops what the user did not write, e.g. `files` where `data` is a bare path, or a union's tag."""
    path: list[str | int] = []
    for number, step in enumerate(loc):
        if isinstance(value, Mapping):
            if step not in value and number < len(loc) - 1:
                continue
            path.append(step)
            value = value.get(step)
        elif isinstance(value, list | tuple) and isinstance(step, int):
            path.append(step)
            value = value[step] if step < len(value) else None
    return tuple(path)


def _nearest_value(problem: Any) -> str | None:
    expected = str(problem.get("ctx", {}).get("expected", ""))
    values = [word for word in expected.split("'")[1::2] if word]
    near = difflib.get_close_matches(str(problem["input"]), values, n=1)
    return f"did you mean {near[0]!r}?" if near else None


def allowed(key: str, parents: tuple[str | int, ...], manual: Manual) -> str:
    """Returns what to write instead of a key that is not known at its place."""
    names = tuple(str(step) for step in parents if isinstance(step, str))
    here = allowed_keys(names, manual.schema)
    if key.lower() in _SECRETS:
        return "never write a key into the file; name an environment variable in 'api_key_env'"
    synonym = manual.synonyms.get(key.lower())
    if synonym in here:
        return f"did you mean {synonym!r}?"
    near = difflib.get_close_matches(key.lower(), here, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    elsewhere = full_path_of(key, manual.schema)
    if elsewhere:
        return f"{key!r} belongs under {elsewhere!r}"
    return f"the keys here are {', '.join(here)}"


def place_of(file: str, path: tuple[str | int, ...], lines: Lines) -> str:
    """Returns the file's name, with the line of a key or of what it stands in."""
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return f"{file}, line {lines[path[:end]]}"
    return file


def _dotted(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def shown(value: Any) -> str:
    """Returns a value as a complaint quotes it: at most 60 characters."""
    if value is None:
        return "empty"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
