"""The command line as a user meets it: what it says, with which exit code, on a disk of any size."""

import contextlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice.cli.main import main
from tests.flow.conftest import TASK

QUALITY = "{target: non_inferior, margin: 0.02}"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command left: its exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> dict[str, Any]:
        """Returns the one JSON object on standard output; anything more or less is an error."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


def suffice(*arguments: object) -> Said:
    """Returns what the command says, run in this process; an exception that escapes is a failed test."""
    out, err = io.StringIO(), io.StringIO()
    code: object = None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
    assert isinstance(code, int)
    return Said(code=code, out=out.getvalue(), err=err.getvalue())


def refused(*arguments: object) -> str:
    """Returns the complaint of a command that must end with exit code 2, an error and what to type."""
    said = suffice(*arguments)
    assert (2, "") == (said.code, said.out)
    assert said.err.startswith("error: ")
    assert "\nhint: " in said.err
    assert "Traceback" not in said.err
    return said.err


def started(*arguments: object) -> "subprocess.Popen[str]":
    """Returns the command as a process of its own, which hears an interrupt.

    A shell starts what runs in the background deaf to SIGINT, and children inherit that.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "suffice", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - tests start no threads
    )


def write_task(folder: Path, data: bytes | list[dict[str, Any]], *, quality: str = QUALITY) -> Path:
    """Returns a task file written beside its rows."""
    folder.mkdir(parents=True, exist_ok=True)
    if not isinstance(data, bytes):
        data = "".join(json.dumps(row) + "\n" for row in data).encode()
    (folder / "rows.jsonl").write_bytes(data)
    (folder / "task.yaml").write_text(TASK.format(quality=quality, limits=""))
    return folder / "task.yaml"


@contextlib.contextmanager
def disk_that_takes(most_bytes: int) -> Iterator[None]:
    """Lets no file of this process or its children grow beyond so many bytes, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
