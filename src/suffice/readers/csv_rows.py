"""CSV and its kin (semicolons, tabs, bars): the delimiter is found out, the first row names the columns."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from suffice.errors import DataError
from suffice.readers.rows import Row, Tally
from suffice.readers.text_lines import LONGEST_LINE_BYTES, encoding_of, head, lines

_DELIMITERS = ",\t;|"
_PROBE_ROWS = 50
SHORT_ROWS = "rows with fewer fields than the header"


def read_csv(path: Path, *, encoding: str | None, tally: Tally) -> Iterator[Row]:
    """Yields one row per record; an empty field is None.

    Raises:
        DataError: no header, a column named twice, or a record with more fields than the header.
    """
    csv.field_size_limit(LONGEST_LINE_BYTES)  # the module's own limit of 128 KiB refuses long texts
    delimiter = delimiter_of(path, encoding)
    texts = (text for _, text in lines(path, encoding=encoding, tally=tally))
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    try:
        names = _header(next(reader, []), path)
        line = reader.line_num + 1
        for values in reader:
            if len(values) > len(names):
                raise DataError(
                    f"{path}, line {line}: {len(values)} fields, but the header names {len(names)}",
                    hint=f"put texts that contain {delimiter!r} in double quotes",
                )
            if any(values):
                if len(values) < len(names):
                    tally.add(SHORT_ROWS, f"{path}:{line}")
                fields = {name: value or None for name, value in zip(names, values, strict=False)}
                yield Row(fields=fields, file=str(path), line=line)
            else:
                tally.add("blank lines", f"{path}:{line}")
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num}: not {_NAMES[delimiter]}: {error}",
            hint="a double quote may be missing or stand inside a field",
        ) from error


_NAMES = {",": "CSV", "\t": "TSV", ";": "semicolon-separated CSV", "|": "bar-separated CSV"}


def delimiter_of(path: Path, encoding: str | None) -> str:
    """Returns the delimiter that cuts the first rows into the same, largest number of fields."""
    start = head(path)
    found, mark = encoding_of(start[: 1 << 12], encoding, name=str(path))
    text = start[mark if found == "utf-8" else 0 :].decode(found, "replace")
    probe = text.splitlines(keepends=True)[:_PROBE_ROWS]
    if len(start) == 1 << 16 and len(probe) > 1:
        probe.pop()  # it may be cut
    best, best_score = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(probe, delimiter=delimiter) if row)
        except csv.Error:
            continue
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
        score = (count / max(1, widths.total()), width)
        if width > 1 and score > best_score:
            best, best_score = delimiter, score
    return best


def _header(values: list[str], path: Path) -> list[str]:
    names = [value.strip() for value in values]
    if not any(names):
        raise DataError(f"{path}: the first line names no columns", hint="add a header, e.g. text,label")
    doubled = [name for name, count in Counter(names).items() if count > 1 and name]
    if doubled:
        raise DataError(f"{path}: two columns are named {doubled[0]!r}", hint="rename one of them")
    return names
