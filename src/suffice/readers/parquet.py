"""Parquet files, a batch of rows at a time (extra `parquet`)."""

from collections.abc import Iterator
from pathlib import Path

from suffice import extras
from suffice.errors import DataError
from suffice.readers.rows import Row, Tally

_BATCH_ROWS = 1024


def read_parquet(path: Path, *, encoding: str | None, tally: Tally) -> Iterator[Row]:  # noqa: ARG001 - RowReader
    """Yields one row per record; memory: one row group's pages and 1,024 rows.

    Raises:
        MissingExtra: pyarrow is not installed.
        DataError: the file is corrupt.
    """
    parquet = extras.require("pyarrow.parquet", extra="parquet", feature=f"reading {path.name}")
    arrow = extras.require("pyarrow", extra="parquet", feature=f"reading {path.name}")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for record in batch.to_pylist():
                    number += 1
                    yield Row(fields=record, file=str(path), line=number)
    except (arrow.ArrowException, OSError) as error:
        raise DataError(
            f"{path}: broken Parquet after row {number:,}: {error}", hint="copy or write it again"
        ) from error
