"""JSON Lines, and one JSON array of objects: streamed, a row at a time."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suffice.errors import DataError
from suffice.readers.rows import Row, Tally
from suffice.readers.text_lines import LONGEST_LINE_BYTES, lines

_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"


def read_json_lines(path: Path, *, encoding: str | None, tally: Tally) -> Iterator[Row]:
    """Yields one row per line that is not blank.

    Raises:
        DataError: a line is not a JSON object; names line and column.
    """
    for number, line in lines(path, encoding=encoding, tally=tally):
        text = line.strip()
        if not text:
            tally.add("blank lines", f"{path}:{number}")
            continue
        try:
            record = _decoded(text)
        except json.JSONDecodeError as error:
            raise _broken(path, number, text, error) from error
        except (RecursionError, ValueError) as error:
            raise DataError(
                f"{path}, line {number}: nested too deep or a number too long: {error}"
            ) from error
        yield _row(record, path=path, line=number)


def read_json_array(path: Path, *, encoding: str | None, tally: Tally) -> Iterator[Row]:
    """Yields one row per object of a file that holds one JSON array; memory: one object and a buffer.

    Raises:
        DataError: it is not an array of objects; names the line.
    """
    window = _Window(path, encoding=encoding, tally=tally)
    window.expect("[")
    if window.next_character() == "]":
        return
    while True:
        record, line = window.value()
        yield _row(record, path=path, line=line)
        if window.next_character() == "]":
            return
        window.expect(",")


class _Window:
    """The part of the text that is in memory: consumed from the front, filled at the back."""

    def __init__(self, path: Path, *, encoding: str | None, tally: Tally) -> None:
        self._path = path
        self._lines = lines(path, encoding=encoding, tally=tally)
        self._text = ""
        self._at = 0
        self._line = 1

    def _fill(self, at_least: int) -> bool:
        """Drops what was consumed and adds text; False at the end of the file."""
        self._line += self._text.count("\n", 0, self._at)
        pieces = [self._text[self._at :]]
        size = 0
        for _, line in self._lines:
            pieces.append(line)
            size += len(line)
            if size >= at_least:
                break
        self._text, self._at = "".join(pieces), 0
        return size > 0

    def next_character(self) -> str:
        """Returns the next character that is no space, without consuming it."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill(1 << 16):
                raise self._error("the array is not closed; the file may be cut off")

    def expect(self, character: str) -> None:
        """Consumes one character."""
        found = self.next_character()
        if found != character:
            raise self._error(f"expected {character!r}, found {found!r}")
        self._at += 1

    def value(self) -> tuple[Any, int]:
        """Returns the next value and the line it starts on."""
        self.next_character()
        step = 1 << 16
        while True:
            try:
                record, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # The value may only be cut by the window's end: then more text mends it.
                cut = error.msg.startswith("Unterminated") or error.pos >= len(self._text) - 16
                too_long = len(self._text) - self._at > LONGEST_LINE_BYTES
                if not cut or too_long or not self._fill(step):
                    raise self._error(error.msg, at=error.pos) from error
                step *= 2
            except (RecursionError, ValueError) as error:
                raise self._error(f"nested too deep or a number too long: {error}") from error
            else:
                line = self._line + self._text.count("\n", 0, self._at)
                self._at = end
                return record, line

    def _error(self, what: str, *, at: int | None = None) -> DataError:
        line = self._line + self._text.count("\n", 0, self._at if at is None else at)
        return DataError(f"{self._path}, line {line}: not a JSON array of rows: {what}", hint="mend the file")


def _decoded(text: str) -> Any:
    """Returns the one JSON value of a text without white space around it.

    `decode` would look for such, which takes as long as reading a short row.
    """
    record, end = _DECODER.raw_decode(text)
    if end != len(text):
        raise json.JSONDecodeError("Extra data", text, end)
    return record


def _row(record: Any, *, path: Path, line: int) -> Row:
    if not isinstance(record, dict):
        shown = json.dumps(record)[:40]
        raise DataError(
            f"{path}, line {line}: a row must be a JSON object, found {shown}",
            hint='one object a line, e.g. {"text": "...", "label": "..."}',
        )
    return Row(fields=record, file=str(path), line=line)


def _broken(path: Path, number: int, text: str, error: json.JSONDecodeError) -> DataError:
    if not text.strip("\0"):
        return DataError(
            f"{path}, line {number}: NUL bytes instead of a row",
            hint="the program that wrote it was stopped; delete the line",
        )
    return DataError(
        f"{path}, line {number}, column {error.colno}: not JSON: {error.msg}",
        hint=f"the line starts with {text[:50]!r}; mend or delete it",
    )
