"""The made file of the reading benchmark: as many rows as asked for, and what reading them takes."""

import json
from pathlib import Path

from bench import big_file


def test_the_rows_are_json_with_equal_labels_for_equal_texts() -> None:
    """The rows are whole, the same at every call, and no input has two labels."""
    text = "".join(big_file.made_lines(2_000))
    rows = [json.loads(line) for line in text.splitlines()]
    assert list(range(2_000)) == [row["id"] for row in rows]
    assert 150 < len(text) / len(rows) < 250
    label_of = {row["text"]: row["label"] for row in rows}
    assert all(label_of[row["text"]] == row["label"] for row in rows)
    assert 0.02 < 1 - len(label_of) / len(rows) < 0.08
    assert text == "".join(big_file.made_lines(2_000))


def test_reading_tells_rows_time_and_memory(tmp_path: Path) -> None:
    """Every row is counted, repeats are merged, and the peak is that of a real process."""
    found = big_file.read(big_file.write_task(tmp_path, 500))
    assert 500 == found["rows"]
    assert 400 < found["kept"] < 500
    assert found["seconds"] > 0
    assert found["peak_bytes"] > 10_000_000
