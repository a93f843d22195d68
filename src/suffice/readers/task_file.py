"""From the text of a task file to a `Spec`, with every complaint placed: file, line, key, what is allowed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from suffice.errors import SpecError
from suffice.readers.answer_schema import read_schema
from suffice.readers.settings_file import Manual, allowed, explained, place_of, read_values, shown
from suffice.readers.spec import Spec
from suffice.readers.yaml_lines import Lines

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
_MANUAL = Manual(
    schema=Spec,
    page="docs/task-file.md",
    what="task file",
    folder_hint="task.yaml",
    size_hint="a task file names its data files under 'data'; it does not hold the rows",
    synonyms=_SYNONYMS,
)


def read_spec(path: Path | str) -> Spec:
    """Returns the checked task file.

    Raises:
        SpecError: it cannot be read, is not YAML, or has an unknown key or a wrong value.
    """
    path = Path(path)
    value, lines = read_values(path, _MANUAL)
    return spec_of(value, base=path.parent, file=str(path), lines=lines)


def spec_of(value: Any, *, base: Path, file: str = "the task", lines: Lines | None = None) -> Spec:
    """Returns the checked spec of a mapping, as `read_spec` does for a file.

    Raises:
        SpecError: an unknown key or a wrong value.
    """
    lines = lines or {}
    if not isinstance(value, Mapping):
        raise SpecError(
            f"{file} holds {shown(value)}, not keys with values",
            hint="start with `version: 1`, `name:`, `kind:`, `data:`, `bars:`",
        )
    if "base" in value:
        place = place_of(file, ("base",), lines)
        raise SpecError(f"{place}: unknown key 'base'", hint=allowed("base", (), _MANUAL))
    if value.get("schema") is not None:
        value = {
            **value,
            "schema": read_schema(value["schema"], base=base, place=place_of(file, ("schema",), lines)),
        }
    try:
        return Spec.model_validate({**value, "base": base})
    except ValidationError as error:
        raise explained(error, value, manual=_MANUAL, file=file, lines=lines) from error
