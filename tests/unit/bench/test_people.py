"""The made set of names: every value stands in its text; what is held out is nowhere in what is taught."""

import json
import re

from examples import people


def test_every_value_stands_in_its_text():
    """Also in lower case, and when the same name comes twice."""
    rows = people.rows(300, seed="t")
    assert [] == [
        row for row in rows for values in row.target.values() for value in values if value not in row.text
    ]
    assert {"person", "street", "company"} == {field for row in rows for field in row.target}
    assert any(not row.target for row in rows)
    assert any(row.target and row.text.islower() for row in rows)


def test_the_same_seed_gives_the_same_rows():
    """So that a benchmark can be run again."""
    assert people.rows(20, seed="t") == people.rows(20, seed="t") != people.rows(20, seed="u")


def words_of(rows):
    """Returns the words of all texts."""
    return {word for row in rows for word in re.findall(r"\w+", row.text)}


def test_held_out_names_are_in_no_taught_text():
    """Given names of certify rows were never read by a model."""
    given = people.WORDS["given"].values()
    held = {name for names in given for name in names[2::3]}
    taught = {name for names in given for at, name in enumerate(names) if at % 3 != 2}
    assert set() == held & taught
    assert set() == held & words_of(people.rows(1_500, seed="t", held=people.Held(), lower=0.0))
    assert len(held) / 2 < len(
        held & words_of(people.rows(1_500, seed="t", held=people.UNSEEN_NAMES, lower=0.0))
    )


def test_the_files_are_as_a_task_reads_them(tmp_path, monkeypatch):
    """One row a line: a text, and an object of lists."""
    monkeypatch.setattr(people, "ROWS", {"train": 20, "certify": 5})
    written = people.written(tmp_path)
    assert ["train.jsonl", "certify.jsonl"] == [path.name for path in written]
    rows = [json.loads(line) for line in written[0].read_text(encoding="utf-8").splitlines()]
    assert 20 == len(rows)
    assert {"text", "target"} == set(rows[0])
