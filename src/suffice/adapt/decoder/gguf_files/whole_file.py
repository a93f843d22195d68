"""A large file that appears under its name only when it is whole."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from suffice import files


@contextlib.contextmanager
def written(path: Path) -> Iterator[Path]:
    """Yields a place beside `path` to write to; moves it there when the block ends well, else removes it.

    Raises:
        OutputError: no permission, no space, a file where a folder should be.
    """
    with files.writable(path):
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
