"""Content hashes: of frozen values, of bytes, of files and of folders."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

_CHUNK_BYTES = 1 << 20


def of_value(value: Any) -> str:
    """Returns the sha256 (hex) of a frozen value's canonical JSON.

    Dataclasses count with their class name, so two kinds of step with equal fields differ.
    Floats are written by `repr`, hence exactly.
    """
    text = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return of_bytes(text.encode())


def of_bytes(data: bytes) -> str:
    """Returns the sha256 (hex) of bytes."""
    return hashlib.sha256(data).hexdigest()


def of_text(text: str) -> str:
    """Returns the sha256 (hex) of a text's UTF-8 bytes; lone surrogates are kept distinct."""
    return of_bytes(text.encode("utf-8", "surrogatepass"))


def of_file(path: Path) -> str:
    """Returns the sha256 (hex) of a file, read in chunks of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def of_folder(folder: Path) -> dict[str, str]:
    """Returns the sha256 of every file below a folder, by its relative POSIX path, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): of_file(path) for path in files}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"__class__": type(value).__name__, **fields}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(_plain(item) for item in value)
    if isinstance(value, Path):
        return value.as_posix()
    return value
