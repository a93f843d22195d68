"""From the text of a task file to a `Spec`, with every complaint placed: file, line, key, what is allowed."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from suffice.errors import SpecError
from suffice.readers.answer_schema import read_schema
from suffice.readers.schema_keys import allowed_keys, full_path_of
from suffice.readers.spec import Spec
from suffice.readers.yaml_lines import Lines, parse

_LARGEST_BYTES = 1 << 20
# What people type for keys that are named otherwise here.
_SYNONYMS = {
    "minimize": "minimise",
    "metrics": "metric",
    "label": "target",
    "labels": "target",
    "text": "input",
    "file": "data",
    "files": "data",
    "dataset": "data",
    "test": "certify",
    "validation": "dev",
    "valid": "dev",
    "latency_ms": "latency_p95_ms",
    "cost": "cost_usd_per_1k",
    "memory": "memory_mb",
    "baseline": "reference",
    "bar": "bars",
    "type": "kind",
    "models": "ladder",
    "json_schema": "schema",
    "system_prompt": "instruction",
    "prompt": "instruction",
    "candidates": "ladder",
}
_SECRETS = {"api_key", "apikey", "key", "token", "secret", "password", "openai_api_key"}


def read_spec(path: Path | str) -> Spec:
    """Returns the checked task file.

    Raises:
        SpecError: it cannot be read, is not YAML, or has an unknown key or a wrong value.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except IsADirectoryError as error:
        raise SpecError(f"{path} is a folder, not a task file", hint=f"give {path / 'task.yaml'}") from error
    except OSError as error:
        hint = "check the path; `docs/task-file.md` shows a task file"
        raise SpecError(f"cannot read the task file {path}: {error.strerror}", hint=hint) from error
    if len(data) > _LARGEST_BYTES:
        hint = "a task file names its data files under 'data'; it does not hold the rows"
        raise SpecError(
            f"{path} has {len(data):,} bytes; a task file has at most {_LARGEST_BYTES:,}", hint=hint
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SpecError(
            f"{path}, line {line}: byte {error.start} is not UTF-8", hint="save it as UTF-8"
        ) from error
    try:
        value, lines = parse(text)
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(path, text, error) from error
    except (yaml.YAMLError, ValueError) as error:
        raise SpecError(f"{path} is not usable YAML: {error}") from error
    return spec_of(value, base=path.parent, file=str(path), lines=lines)


def spec_of(value: Any, *, base: Path, file: str = "the task", lines: Lines | None = None) -> Spec:
    """Returns the checked spec of a mapping, as `read_spec` does for a file.

    Raises:
        SpecError: an unknown key or a wrong value.
    """
    lines = lines or {}
    if not isinstance(value, Mapping):
        raise SpecError(
            f"{file} holds {_shown(value)}, not keys with values",
            hint="start with `version: 1`, `name:`, `kind:`, `data:`, `bars:`",
        )
    if "base" in value:
        raise SpecError(f"{_place(file, ('base',), lines)}: unknown key 'base'", hint=_allowed("base", ()))
    if value.get("schema") is not None:
        value = {
            **value,
            "schema": read_schema(value["schema"], base=base, place=_place(file, ("schema",), lines)),
        }
    try:
        return Spec.model_validate({**value, "base": base})
    except ValidationError as error:
        raise _explained(error, value, file=file, lines=lines) from error


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


def _explained(error: ValidationError, value: Any, *, file: str, lines: Lines) -> SpecError:
    # An unknown key first: it is often why another one is missing.
    problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    first = problems[0]
    path = _written_path(tuple(first["loc"]), value)
    place = _place(file, path, lines)
    dotted = _dotted(path)
    more = f" ({len(problems) - 1} more problem{'s' if len(problems) > 2 else ''} after this one)"
    suffix = more if len(problems) > 1 else ""
    if first["type"] == "extra_forbidden":
        return SpecError(f"{place}: unknown key {dotted!r}{suffix}", hint=_allowed(str(path[-1]), path[:-1]))
    if first["type"] == "missing":
        return SpecError(
            f"{place}: the key {dotted!r} is missing{suffix}", hint="docs/task-file.md shows every key"
        )
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        where = f"{dotted!r}: " if dotted else ""
        return SpecError(
            f"{place}: {where}{message}{suffix}", hint="docs/task-file.md shows what goes together"
        )
    hint = "put it in quotes to make it a text" if first["type"] == "string_type" else None
    if first["type"] in {"literal_error", "enum"}:
        hint = _nearest_value(first)
    hint = hint or "docs/task-file.md shows what each key takes"
    wanted = re.sub(r"a valid dictionary or instance of \w+", "keys with values", message)
    wanted = wanted.replace("Input should be", "it should be")
    return SpecError(f"{place}: {dotted!r} is {_shown(first['input'])}; {wanted}{suffix}", hint=hint)


def _written_path(loc: tuple[str | int, ...], value: Any) -> tuple[str | int, ...]:
    """Drops what the user did not write, e.g. `files` where `data` is a bare path."""
    path: list[str | int] = []
    for step in loc:
        if isinstance(value, Mapping):
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


def _allowed(key: str, parents: tuple[str | int, ...]) -> str:
    names = tuple(str(step) for step in parents if isinstance(step, str))
    here = allowed_keys(names)
    if key.lower() in _SECRETS:
        return "never write a key into the file; name an environment variable in 'api_key_env'"
    synonym = _SYNONYMS.get(key.lower())
    if synonym in here:
        return f"did you mean {synonym!r}?"
    near = difflib.get_close_matches(key.lower(), here, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    elsewhere = full_path_of(key)
    if elsewhere:
        return f"{key!r} belongs under {elsewhere!r}"
    return f"the keys here are {', '.join(here)}"


def _place(file: str, path: tuple[str | int, ...], lines: Lines) -> str:
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return f"{file}, line {lines[path[:end]]}"
    return file


def _dotted(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
