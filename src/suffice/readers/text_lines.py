"""A file's text, line by line in bounded memory: .gz, byte order marks and broken bytes included."""

import codecs
import contextlib
import difflib
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from suffice.errors import DataError
from suffice.readers.rows import Tally

LONGEST_LINE_BYTES = 64 << 20
BROKEN = "lines with broken characters"
_STRICT_BYTES = 64 << 10  # broken bytes this early mean a wrong encoding, not an accident
_BROKEN_SHARE = 0.01
_BROKEN_AFTER = 1000  # lines after which the share is enforced while streaming
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def open_bytes(path: Path) -> BinaryIO:
    """Returns the file opened for reading, unpacked where it is gzip (told by its first bytes).

    Raises:
        DataError: no such file, a folder, no permission, or empty.
    """
    if path.is_dir():
        names = sorted(entry.name for entry in path.iterdir())[:5]
        inside = f"; it holds {', '.join(names)}" if names else "; it is empty"
        raise DataError(f"{path} is a folder, not a file{inside}", hint="name one file, or a list of files")
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        near = _siblings(path) or "a path in a task file starts from that file's folder"
        raise DataError(f"there is no file {path}", hint=near) from error
    except OSError as error:
        hint = "check its permissions" if isinstance(error, PermissionError) else None
        raise DataError(f"cannot read {path}: {error.strerror}", hint=hint) from error
    start = file.peek(4)[:4]
    if not start:
        file.close()
        raise DataError(f"{path} is empty (0 bytes)", hint="give a file with at least one row")
    if start.startswith(b"\x1f\x8b"):
        file.close()
        return cast("BinaryIO", gzip.open(path, "rb"))
    if start == b"\x28\xb5\x2f\xfd":
        file.close()
        raise DataError(f"{path} is packed with zstd", hint="unpack it, or pack it with gzip")
    return file


def is_gzip(path: Path) -> bool:
    """Says whether a file is gzip, told by its first bytes."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def head(path: Path, size: int = 64 << 10) -> bytes:
    """Returns the first bytes of a file, unpacked; fewer where it is short.

    Raises:
        DataError: it cannot be opened or unpacked.
    """
    with open_bytes(path) as file, _unpacking(path):
        return file.read(size)


def encoding_of(start: bytes, told: str | None, *, name: str) -> tuple[str, int]:
    """Returns the encoding and the length of the byte order mark.

    Raises:
        DataError: an unknown encoding, or UTF-16 without a mark.
    """
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            return encoding, len(mark)
    if told is not None:
        try:
            return codecs.lookup(told).name, 0
        except LookupError as error:
            raise DataError(
                f"there is no encoding {told!r}", hint="common ones: utf-8, cp1252, latin-1, utf-16-le"
            ) from error
    if start.count(b"\0") * 4 > len(start):
        low_first = start[1::2].count(b"\0") > start[::2].count(b"\0")
        hint = f"add `encoding: {'utf-16-le' if low_first else 'utf-16-be'}` to the task file"
        raise DataError(f"{name} looks like UTF-16 without a byte order mark", hint=hint)
    return "utf-8", 0


def lines(path: Path, *, encoding: str | None, tally: Tally) -> Iterator[tuple[int, str]]:
    """Yields line numbers (from 1) and lines with their ends.

    Broken bytes: an error in the first 64 KiB; after that replaced and counted, up to 1% of the lines.

    Raises:
        DataError: broken bytes, a truncated archive, or a line of more than 64 MiB.
    """
    with open_bytes(path) as file, _unpacking(path):
        start = cast("io.BufferedReader", file).peek(1 << 12)[: 1 << 12]
        found, mark = encoding_of(start, encoding, name=str(path))
        if found == "utf-8":
            file.read(mark)
            yield from _utf8_lines(file, path, offset=mark, tally=tally)
        else:
            yield from _other_lines(file, path, encoding=found)


def _utf8_lines(file: BinaryIO, path: Path, *, offset: int, tally: Tally) -> Iterator[tuple[int, str]]:
    number = broken = 0
    while line := file.readline(LONGEST_LINE_BYTES + 1):
        number += 1
        if len(line) > LONGEST_LINE_BYTES:
            raise _too_long(path, number)
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            if offset + error.start < _STRICT_BYTES:
                raise DataError(
                    f"{path}, line {number}: byte {offset + error.start} "
                    f"(0x{line[error.start]:02x}) is not UTF-8",
                    hint="if the file is in another encoding, add e.g. `encoding: cp1252` to the task file",
                ) from error
            broken += 1
            tally.add(BROKEN, f"{path}:{number}")
            if number >= _BROKEN_AFTER:
                _check_share(path, broken, number, tally)
            text = line.decode("utf-8", "replace")
        yield number, text
        offset += len(line)
    if broken:
        _check_share(path, broken, number, tally)


def _check_share(path: Path, broken: int, number: int, tally: Tally) -> None:
    if broken > max(1, _BROKEN_SHARE * number):
        first = tally.examples(BROKEN)[0]
        raise DataError(
            f"{path}: {broken:,} of the first {number:,} lines are not UTF-8, the first at {first}",
            hint="if the file is in another encoding, add e.g. `encoding: cp1252` to the task file",
        )


def _other_lines(file: BinaryIO, path: Path, *, encoding: str) -> Iterator[tuple[int, str]]:
    number = 0
    with io.TextIOWrapper(file, encoding=encoding, newline="") as text:
        try:
            while line := text.readline(LONGEST_LINE_BYTES + 1):
                number += 1
                if len(line) > LONGEST_LINE_BYTES:
                    raise _too_long(path, number)
                yield number, line
        except UnicodeError as error:
            raise DataError(
                f"{path}, near line {number + 1}: bytes that are not {encoding} ({error})",
                hint="correct `encoding:` in the task file",
            ) from error


def _too_long(path: Path, number: int) -> DataError:
    return DataError(
        f"{path}, line {number}: longer than {LONGEST_LINE_BYTES >> 20} MiB",
        hint="one row a line; split the file, or drop fields that are not needed",
    )


def _siblings(path: Path) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {path.parent} either"
    names = sorted(entry.name for entry in path.parent.iterdir() if entry.is_file())
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else "paths are relative to the task file"


@contextlib.contextmanager
def _unpacking(path: Path) -> Iterator[None]:
    """Turns an archive's end before its time into an error that names the file."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{path} is a broken or truncated gzip file: {error}", hint="copy or download it again"
        ) from error
