"""From what stands in a field to text, label or answer."""

import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from suffice.errors import DataError
from suffice.readers.rows import Row, Tally
from suffice.task import JsonValue, Kind

_LONG = 20_000


def scalar_text(value: Any) -> str | None:
    """Returns a scalar as text, None for null; 3.0 is '3', True is 'true'.

    Raises:
        TypeError: it is a list or an object.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return None  # how Parquet writes an absent number
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, Mapping | Sequence):
        raise TypeError(type(value).__name__)
    return str(value)


def input_text(row: Row, column: str, tally: Tally) -> str | None:
    """Returns a row's input, cleaned of NUL characters and half characters; None where it is blank.

    Raises:
        DataError: the field holds a list or an object; names the line.
    """
    text = field_text(row, column)
    if text is None or not text.strip(" \t\r\n\0"):
        tally.add("rows without input", row.place)
        return None
    if len(text) > _LONG:
        tally.add("very long texts", row.place)
    return _cleaned(text, row, tally)


def answer_value(row: Row, column: str | None, kind: Kind, tally: Tally) -> JsonValue:
    """Returns a truth or an answer; None where the field is missing or null.

    For classify: the label as stripped text. For generate: the text. For extract and rank: any JSON value.

    Raises:
        DataError: a label or text field holds a list or an object; names the line.
    """
    if column is None:
        return None
    value = row.fields.get(column)
    if isinstance(value, list) and len(value) == 1 and kind in {Kind.CLASSIFY, Kind.GENERATE}:
        value = value[0]  # Evals' `ideal` lists the right answers; here there is one
    if kind in {Kind.EXTRACT, Kind.RANK} and not isinstance(value, str):
        return value
    try:
        text = scalar_text(value)
    except TypeError as error:
        raise _not_text(row, column, error) from error
    if text is None:
        return None
    if kind is Kind.CLASSIFY:
        if not isinstance(value, str):
            tally.add("labels that are numbers or truth values", row.place)
        text = unicodedata.normalize("NFC", text).replace("\0", "").strip()
    return text


def object_value(row: Row, column: str | None, value: JsonValue) -> Mapping[str, Any] | None:
    """Returns an extract task's truth as an object; JSON text is parsed, null and "" are None.

    Raises:
        DataError: it is no JSON object; names the line.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{row.place}: the field {column!r} holds no JSON: {error}",
                hint="an extract task's truth is a JSON object, as such or as text",
            ) from error
    if not isinstance(value, Mapping):
        raise DataError(
            f"{row.place}: the field {column!r} holds {json.dumps(value)[:60]}, not a JSON object",
            hint="an extract task's truth is a JSON object, as such or as text",
        )
    return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def field_text(row: Row, column: str | None) -> str | None:
    """Returns a field that must be a scalar as text; None where there is none.

    Raises:
        DataError: it holds a list or an object; names the line.
    """
    if column is None:
        return None
    try:
        return scalar_text(row.fields.get(column))
    except TypeError as error:
        raise _not_text(row, column, error) from error


def latency(row: Row, column: str | None, tally: Tally) -> float | None:
    """Returns a row's recorded latency in ms; None where there is none."""
    value = row.fields.get(column) if column else None
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number < math.inf:
        tally.add("latencies that are no numbers", row.place)
        return None
    return number


def canonical(value: JsonValue) -> str:
    """Returns a text that is equal for equal values: for counting answers of any kind."""
    return (
        value
        if isinstance(value, str)
        else json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    )


def _cleaned(text: str, row: Row, tally: Tally) -> str:
    if "\0" in text:
        tally.add("texts with NUL characters", row.place)
        text = text.replace("\0", "")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            tally.add("texts with broken surrogates", row.place)
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _not_text(row: Row, column: str, error: TypeError) -> DataError:
    kind = {"list": "a list", "tuple": "a list"}.get(str(error), "an object")
    return DataError(
        f"{row.place}: the field {column!r} holds {kind}, not one text",
        hint="name a field that holds texts, or write the value as text",
    )
