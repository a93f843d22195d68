"""Writing files so that a stop at any moment leaves the old one or the new one, never a half."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suffice.errors import OutputError


@contextlib.contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turns an operating system's refusal to write into an error that names the place.

    Raises:
        OutputError: no permission, no space, a file where a folder should be.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror or error}",
            hint="choose another place with --out, or free the disk",
        ) from error


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a place beside `path` to write to; syncs and moves it there when the block ends well.

    Else it is removed: a file appears under its name only when it is whole.

    Raises:
        OutputError: no permission, no space, a file where a folder should be.
    """
    with writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        beside = Path(name)
        try:
            yield beside
            with beside.open("rb") as file:
                os.fsync(file.fileno())
            beside.chmod(0o644)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Writes a whole file atomically.

    Raises:
        OutputError: the place cannot be written to.
    """
    with whole_file(path) as beside:
        beside.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Writes a whole text file (UTF-8) atomically."""
    write_bytes(path, text.encode("utf-8", "surrogatepass"))


def write_json(path: Path, value: Any) -> None:
    """Writes a value as readable JSON, atomically; NaN and infinity are refused."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
