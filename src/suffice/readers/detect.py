"""What a file is, told by its content: how rows are stored in it, and what its records are."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from suffice.errors import DataError
from suffice.readers.conversations import of_record
from suffice.readers.csv_rows import delimiter_of, read_csv
from suffice.readers.jsonl import read_json_array, read_json_lines
from suffice.readers.parquet import read_parquet
from suffice.readers.rows import RowReader, Tally
from suffice.readers.text_lines import encoding_of, head, is_gzip

_FOREIGN = (
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "unpack it, or save the sheet as CSV"),
    (b"%PDF", "a PDF", "give the rows as JSON Lines or CSV"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV"),
    (
        b"\x80\x04",
        "a pickle",
        "suffice reads no pickles: they can run code; save it as Parquet or JSON Lines",
    ),
    (
        b"\x80\x05",
        "a pickle",
        "suffice reads no pickles: they can run code; save it as Parquet or JSON Lines",
    ),
    (b"\xff\xd8\xff", "a picture", "give the rows as JSON Lines or CSV"),
    (b"\x89PNG", "a picture", "give the rows as JSON Lines or CSV"),
    (b"ARROW1", "an Arrow file", "save it as Parquet"),
)


class Records(StrEnum):
    """What the records of a file are."""

    TABLE = "rows with named fields"
    CHAT = "OpenAI chat or fine-tuning conversations"
    LOG = "a log of requests and responses"
    BATCH_INPUT = "OpenAI batch requests"
    BATCH_OUTPUT = "OpenAI batch results"
    TEACHER = "inputs with a teacher's answers"
    EVALS = "OpenAI Evals samples"


@dataclass(frozen=True, kw_only=True)
class Detected:
    """A file's storage and records, and the function that reads it."""

    path: Path
    storage: str
    records: Records
    reader: RowReader

    def __str__(self) -> str:
        return f"{self.path} was taken for {self.storage}: {self.records.value}"


def detect(path: Path, *, encoding: str | None = None) -> Detected:
    """Returns what the file is; its name only breaks no tie.

    Raises:
        DataError: it cannot be read, or is of a kind that suffice does not read.
    """
    storage, reader = _storage(path, encoding)
    first = next(iter(reader(path, encoding=encoding, tally=Tally())), None)
    if first is None:
        raise DataError(f"{path} holds no rows", hint="give a file with at least one row")
    return Detected(path=path, storage=storage, records=records_of(first.fields), reader=reader)


def records_of(record: Mapping[str, Any]) -> Records:
    """Returns what one record is, by the fields it has."""
    if "custom_id" in record and ("response" in record or "error" in record):
        return Records.BATCH_OUTPUT
    if "custom_id" in record and isinstance(record.get("body"), Mapping):
        return Records.BATCH_INPUT
    if "input" in record and "teacher" in record:
        return Records.TEACHER
    if "input" in record and "ideal" in record:
        return Records.EVALS
    if of_record(record) is None:
        return Records.TABLE
    answered_apart = any(name in record for name in ("response", "choices", "output", "answers"))
    return Records.LOG if answered_apart or "request" in record else Records.CHAT


def _storage(path: Path, encoding: str | None) -> tuple[str, RowReader]:
    start = head(path)
    packed = " (gzip)" if is_gzip(path) else ""
    if start.startswith(b"PAR1"):
        return "Parquet", read_parquet
    for magic, what, hint in _FOREIGN:
        if start.startswith(magic):
            raise DataError(f"{path} is {what}, which suffice does not read", hint=hint)
    found, mark = encoding_of(start[: 1 << 12], encoding, name=str(path))
    text = start[mark if found == "utf-8" else 0 :].decode(found, "replace").lstrip()
    if not text:
        raise DataError(f"{path} holds no rows, only white space", hint="give a file with at least one row")
    if text.startswith("{"):
        _refuse_one_object(path, text)
        return f"JSON Lines{packed}", read_json_lines
    if text.startswith("["):
        return f"a JSON array{packed}", read_json_array
    names = {",": "CSV", "\t": "TSV", ";": "semicolon-separated CSV", "|": "bar-separated CSV"}
    return names[delimiter_of(path, encoding)] + packed, read_csv


def _refuse_one_object(path: Path, text: str) -> None:
    """One object over several lines is no JSON Lines; the parser's complaint on line 1 would puzzle."""
    first, end, _ = text.partition("\n")
    if end and first.rstrip().endswith(("{", "[", ",")):
        try:
            json.loads(first)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{path} starts a JSON object that goes on over several lines",
                hint="write one object a line (JSON Lines), or one array [{...}, {...}]",
            ) from error
