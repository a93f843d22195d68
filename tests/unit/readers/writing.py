"""Writes small task files and data files for the readers' tests."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

TASK = """\
version: 1
name: tickets
kind: classify
data: rows.jsonl
input: text
target: label
bars: {quality: {target: absolute, at_least: 0.9}}
"""


def write_task(folder: Path, **changes: str) -> Path:
    """Returns the path of a task file in which some keys are replaced or added."""
    kept = [line for line in TASK.splitlines() if line.split(":")[0] not in changes]
    added = [f"{key}: {value}" for key, value in changes.items() if value]
    path = folder / "task.yaml"
    path.write_text("\n".join([*kept, *added]) + "\n")
    return path


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Returns the path of a JSON Lines file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


WORDS = """
apple river stone cloud paper window garden silver bottle candle engine forest hammer island jacket kettle
ladder market needle orange pencil quartz ribbon saddle temple umbrella violin walnut yellow zipper
""".split()  # noqa: SIM905 - thirty quoted words read worse


def text_number(number: int) -> str:
    """Returns one of 810,000 texts, none a near-duplicate of another unless three words agree."""
    digits = [number % 30, number // 30 % 30, (number * 7 + 3) % 30, (number * 11 + number // 30) % 30]
    return " ".join(WORDS[digit] for digit in digits) + f" {number * 7919 % 100003}"


def labelled(count: int, *, classes: int = 2, start: int = 0) -> list[dict[str, Any]]:
    """Returns rows with distinct texts and labels in turn."""
    return [
        {"text": text_number(number), "label": f"class {number % classes}"}
        for number in range(start, start + count)
    ]
