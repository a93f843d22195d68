"""An output written line by line: a stop at any moment loses none, and its name stands for the whole."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from suffice import files
from suffice.ledger.alone import alone
from suffice.ledger.store import RunStore
from suffice.ports import Store

_ROWS, _MADE_FROM = "rows.jsonl", "made-from"

Heard = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """Lines on their way to `out`, and the store that keeps answers while they are under way.

    `rows` is the file beside `out` that holds them; None where `out` is a device.
    """

    out: Path
    store: Store
    file: TextIO
    rows: Path | None

    def write(self, lines: Iterable[str]) -> None:
        """Adds whole lines; a killed process has lost none that was added.

        Raises:
            OutputError: the disk is full, or the device gone.
        """
        with files.writable(self.out):
            self.file.writelines(lines)
            self.file.flush()

    def show(self) -> None:
        """Puts the lines so far under the output's name, where a later call goes on after them.

        Raises:
            OutputError: the place cannot be written to.
        """
        if self.rows is not None:
            with files.writable(self.out):
                copy = self.rows.with_name("copy.jsonl")
                shutil.copyfile(self.rows, copy)
                copy.replace(self.out)


@contextlib.contextmanager
def unfinished(out: Path, *, made_from: str, heard: Heard) -> Iterator[Unfinished]:
    """Gives the lines to add to; without an error they take the name `out` at the end.

    Until then they lie in a hidden folder beside it. A call with the same `made_from` (a hash of
    all that lines are made from) goes on after those of the last one, and `heard` gets each; with
    another one they are thrown away, but not the store's answers. A device is written to directly.

    Raises:
        OutputError: the place cannot be written to, or another process is at work for it.
    """
    with files.writable(out):
        out.parent.mkdir(parents=True, exist_ok=True)
    if out.exists() and not out.is_file():
        with _device(out) as output:
            yield output
        return
    folder = out.with_name(f".{out.name}.unfinished")
    with contextlib.ExitStack() as afterwards:
        with alone(folder), contextlib.closing(RunStore(folder)) as store:
            rows = folder / _ROWS
            with files.writable(out):
                _forget_others(folder, made_from)
                _go_on(rows, heard)
                file = rows.open("a", encoding="utf-8", errors="replace")
            with _closing(file, out):
                try:
                    yield Unfinished(out=out, store=store, file=file, rows=rows)
                except BaseException:
                    if not rows.stat().st_size and store.is_empty():
                        afterwards.callback(shutil.rmtree, folder, ignore_errors=True)
                    raise
                with files.writable(out):
                    os.fsync(file.fileno())
                    rows.replace(out)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _device(out: Path) -> Iterator[Unfinished]:
    with files.writable(out):
        file = out.open("w", encoding="utf-8", errors="replace")
    with (
        _closing(file, out),
        tempfile.TemporaryDirectory() as name,
        contextlib.closing(RunStore(Path(name))) as store,
    ):
        yield Unfinished(out=out, store=store, file=file, rows=None)


@contextlib.contextmanager
def _closing(file: TextIO, out: Path) -> Iterator[None]:
    """Closes a file in the end, which writes what a full disk did not take before, and fails again."""
    try:
        yield
    finally:
        with files.writable(out):
            file.close()


def _forget_others(folder: Path, made_from: str) -> None:
    """Removes lines that were made from something else."""
    note = folder / _MADE_FROM
    if not note.is_file() or note.read_text(encoding="utf-8") != made_from:
        (folder / _ROWS).unlink(missing_ok=True)
        files.write_text(note, made_from)


def _go_on(rows: Path, heard: Heard) -> None:
    """Tells every whole line, and cuts off what a kill or a power cut left of another one."""
    good_bytes = 0
    rows.touch()
    with rows.open("rb") as file:
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:
                break
            if not line.endswith(b"\n"):
                break
            heard(row)
            good_bytes += len(line)
    os.truncate(rows, good_bytes)
