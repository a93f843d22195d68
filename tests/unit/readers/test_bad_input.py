"""Bad data: each mistake is a clear error or a counted finding; nothing is lost silently."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from suffice.errors import DataError
from suffice.readers import samples, text_lines
from suffice.readers.findings import Finding, Severity
from suffice.readers.load import Loaded, load, read_inputs
from suffice.readers.task_file import read_spec
from tests.unit.readers.writing import labelled, write_rows, write_task


def load_rows(folder: Path, rows: list[dict[str, Any]], **changes: str) -> Loaded:
    """Returns what is loaded of these rows."""
    write_rows(folder / "rows.jsonl", rows)
    return load(write_task(folder, **changes))


def load_bytes(folder: Path, data: bytes, **changes: str) -> Loaded:
    """Returns what is loaded of a file with these bytes."""
    (folder / "rows.jsonl").write_bytes(data)
    return load(write_task(folder, **changes))


def found(loaded: Loaded, what: str) -> Finding:
    """Returns the one finding of this name."""
    (finding,) = [finding for finding in loaded.findings if finding.what == what]
    return finding


def lines_of(rows: list[dict[str, Any]]) -> bytes:
    """Returns rows as JSON Lines."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


PACKED = gzip.compress(lines_of(labelled(2000)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty (0 bytes)"),
        (b" \n\n", "holds no rows, only white space"),
        (b"\xef\xbb\xbf", "holds no rows"),
        (gzip.compress(b"", mtime=0), "holds no rows"),
        (b"[]", "holds no rows"),
        (b"text,label\n", "holds no rows"),
        (PACKED[: len(PACKED) // 2], "truncated gzip"),
        (PACKED[:100] + b"xxxx" + PACKED[104:], "broken or truncated gzip"),
        (b"PK\x03\x04rest", "a zip archive or a spreadsheet"),
        (b"\x80\x04\x95rest", "is a pickle"),
        (b"\x28\xb5\x2f\xfdrest", "packed with zstd"),
        (b"PAR1 and no more", "broken Parquet"),
        (b'{"text": "a", "label": "b"}\n{"text": ', "line 2, column 9: not JSON"),
        (b'{"text": "a"}\n{"text": "b"}{"text": "c"}\n', "line 2, column 14: not JSON: Extra data"),
        (b'{"text": "a"}\n[1, 2]\n', "line 2: a row must be a JSON object"),
        (b'{"text": "a"}\n\0\0\0\0\n', "line 2: NUL bytes instead of a row"),
        (b'{\n  "text": "a"\n}\n', "goes on over several lines"),
        (b'[{"text": "a"}, {"text": "b"}', "the array is not closed"),
        (b'[{"text": "a"} {"text": "b"}]', "expected ','"),
        (b'[{"text": "a"},\n{"text": nope}]', "line 2: not a JSON array of rows"),
        (b'[{"text": "a"},\n3]', "line 2: a row must be a JSON object"),
        (b"text,label\na,b\nc,d,e\n", "line 3: 3 fields, but the header names 2"),
        (b"text,text\na,b\n", "two columns are named 'text'"),
        (b'text,label\n"a,b\n', "not CSV"),
        (b'{"text": "a \xff b"}\n', "line 1: byte 12 (0xff) is not UTF-8"),
        ('{"text": "a", "label": "b"}\n'.encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (b'{"text": ["a", "b"], "label": "x"}\n', "rows.jsonl:1: the field 'text' holds a list"),
        (b'{"text": "a", "label": {"x": 1}}\n', "rows.jsonl:1: the field 'label' holds an object"),
        (b'{"text": "a", "n": ' + b"1" * 5000 + b"}\n", "line 1: nested too deep or a number too long"),
        (b'[{"text": "a", "n": ' + b"1" * 5000 + b"}]", "nested too deep or a number too long"),
        (b'{"text": "", "label": "x"}\n', "no row has a text in 'text'"),
    ],
)
def test_refuses_a_file_that_cannot_be_used(tmp_path: Path, data: bytes, message: str) -> None:
    """The message names the file, the line where there is one, and what was wrong."""
    with pytest.raises(DataError) as caught:
        load_bytes(tmp_path, data)
    assert "rows.jsonl" in caught.value.message
    assert message in caught.value.message


def test_names_the_columns_where_one_is_wrong(tmp_path: Path) -> None:
    """The columns found, and the nearest one."""
    rows = [{"txet": row["text"], "labels": row["label"]} for row in labelled(20)]
    with pytest.raises(DataError, match=r"no column 'text' .*'labels', 'txet'") as caught:
        load_rows(tmp_path, rows)
    assert "did you mean 'txet'?" == caught.value.hint
    with pytest.raises(DataError, match="no column 'label' \\(target\\)") as caught:
        load_rows(tmp_path, rows, input="txet")
    assert "did you mean 'labels'?" == caught.value.hint
    with pytest.raises(DataError, match="which field is the input"):
        load_rows(tmp_path, rows, input="")
    bars = "{quality: {target: agreement, at_most: 0.1}}"
    with pytest.raises(DataError, match="where are the reference's answers"):
        load_rows(tmp_path, labelled(20), reference="{}", bars=bars)
    with pytest.raises(DataError, match="no column 'big' \\(reference\\)"):
        load_rows(tmp_path, labelled(20), reference="{answers: big}", bars=bars)
    with pytest.raises(DataError, match="no column 'phi' \\(answers\\)"):
        load_rows(tmp_path, labelled(20), ladder="[{kind: recorded, answers: phi}]")


def test_a_wrong_input_column_is_told_before_the_whole_file_is_read(tmp_path: Path) -> None:
    """After 1,000 rows without it: the broken row behind them is never reached."""
    data = lines_of([{"a": "b"}] * 1000) + b"not json\n"
    with pytest.raises(DataError, match="no column 'text'"):
        load_bytes(tmp_path, data)


def test_one_class_cannot_be_learnt(tmp_path: Path) -> None:
    """There must be something to tell apart."""
    with pytest.raises(DataError, match="every labelled train row has the label 'class 0'"):
        load_rows(tmp_path, labelled(40, classes=1))


def test_no_truth_and_no_reference_cannot_be_learnt(tmp_path: Path) -> None:
    """Inputs alone teach nothing."""
    rows = [{**row, "label": None} for row in labelled(40)]
    with pytest.raises(DataError, match="has a truth or a reference answer"):
        load_rows(tmp_path, rows)


def test_a_class_with_one_row_is_a_finding(tmp_path: Path) -> None:
    """It is named with its count; where it fell into certify, it is said that nobody can answer it."""
    lonely = {"text": "one of a kind", "label": "lonely"}
    loaded = load_rows(tmp_path, [*labelled(200), lonely])
    assert ("lonely (1)",) == found(loaded, "classes with fewer than 5 labelled rows").examples
    assert "class imbalance" in {finding.what for finding in loaded.findings}
    homes = [
        name
        for name in ("train", "dev", "certify")
        for s in getattr(loaded.splits, name)
        if s.target == "lonely"
    ]
    unseen = {f"{name} rows with a label that no train row has" for name in homes if name != "train"}
    assert unseen == {f.what for f in loaded.findings if "that no train row has" in f.what}
    assert 1 == len(homes)


def test_equal_inputs_with_different_labels_are_one_sample(tmp_path: Path) -> None:
    """The majority's label is kept, a tie has none, and the label noise is estimated with its n."""
    rows = labelled(100)
    twice = [{**row, "text": f"  {row['text'].replace(' ', '   ')}\n"} for row in rows[:40]]
    tie = {**rows[0], "label": "class 1"}
    outvoted = [{**rows[3], "label": "class 0"}]
    loaded = load_rows(tmp_path, [*rows, tie, *twice[1:], *outvoted])
    targets = {
        sample.text: sample.target
        for sample in (*loaded.splits.train, *loaded.splits.dev, *loaded.splits.certify)
    }
    assert 100 == len(targets)
    assert targets[rows[0]["text"]] is None
    assert "class 1" == targets[rows[3]["text"]]
    finding = found(loaded, "equal inputs with different labels")
    assert (2, Severity.WARNING) == (finding.count, finding.severity)
    assert any("rows.jsonl:1 and" in place for place in finding.examples)
    assert loaded.profile.label_disagreement is not None
    assert (40, 1 / 40) == (loaded.profile.label_disagreement.n, loaded.profile.label_disagreement.value)


def test_rows_without_input_are_skipped_and_counted(tmp_path: Path) -> None:
    """Missing, null, blank: all the same, with the first places."""
    loaded = load_rows(tmp_path, [*labelled(40), {"label": "x"}, {"text": None}, {"text": " \n"}])
    finding = found(loaded, "rows without input")
    assert (3, 3) == (finding.count, len(finding.examples))
    assert finding.examples[0].endswith("rows.jsonl:41")
    assert 40 == loaded.profile.samples


def test_nul_characters_and_half_characters_are_mended_and_counted(tmp_path: Path) -> None:
    """What tokenizers choke on is removed; the finding says so."""
    rows = [
        *labelled(40),
        {"text": "a\0b", "label": "class 0"},
        {"text": "half \ud800 char", "label": "class 1"},
    ]
    loaded = load_rows(tmp_path, rows)
    texts = {s.text for s in (*loaded.splits.train, *loaded.splits.dev, *loaded.splits.certify)}
    assert {"ab", "half � char"} <= texts
    assert 1 == found(loaded, "texts with NUL characters").count
    assert 1 == found(loaded, "texts with broken surrogates").count


@pytest.mark.slow
def test_broken_bytes_late_in_a_file_are_replaced_and_counted(tmp_path: Path) -> None:
    """Up to 1% of the lines after the first 64 KiB; more is an error that names the first."""
    good = lines_of(labelled(4000))
    broken = b'{"text": "caf\xe9 %d", "label": "class 1"}\n'
    loaded = load_bytes(tmp_path, good + broken % 1)
    assert 1 == found(loaded, "lines with broken characters").count
    assert found(loaded, "lines with broken characters").examples[0].endswith(":4001")
    with pytest.raises(DataError, match=r"are not UTF-8, the first at .*:4001"):
        load_bytes(tmp_path, good + b"".join(broken % n for n in range(60)))


def test_a_text_of_one_megabyte_is_taken(tmp_path: Path) -> None:
    """It is kept whole, and the finding says that a model may read only a part."""
    long = "word " * 200_000
    loaded = load_rows(tmp_path, [*labelled(40), {"text": long, "label": "class 0"}])
    everything = (*loaded.splits.train, *loaded.splits.dev, *loaded.splits.certify)
    assert len(long) == max(len(sample.text) for sample in everything)
    assert 1 == found(loaded, "very long texts").count


def test_a_folder_a_missing_file_and_a_locked_file_are_told(tmp_path: Path) -> None:
    """Each has its own words; a misspelt name gets the nearest one."""
    (tmp_path / "rows.jsonl").mkdir()
    with pytest.raises(DataError, match="is a folder, not a file"):
        load(write_task(tmp_path))
    write_rows(tmp_path / "tickets.jsonl", labelled(10))
    with pytest.raises(DataError, match="there is no file") as caught:
        load(write_task(tmp_path, data="tikcets.jsonl"))
    assert "did you mean 'tickets.jsonl'?" == caught.value.hint
    with pytest.raises(DataError, match="there is no file"):
        load(write_task(tmp_path, data="nowhere/rows.jsonl"))
    if os.geteuid() != 0:
        (tmp_path / "tickets.jsonl").chmod(0)
        with pytest.raises(DataError, match="Permission denied"):
            load(write_task(tmp_path, data="tickets.jsonl"))


def test_an_unknown_encoding_is_told(tmp_path: Path) -> None:
    """As is one that does not fit the bytes."""
    with pytest.raises(DataError, match="no encoding 'klingon'"):
        load_rows(tmp_path, labelled(40), encoding="klingon")
    with pytest.raises(DataError, match="near line 1: bytes that are not"):
        load_bytes(tmp_path, b'{"text": "caf\xe9", "label": "a"}\n', encoding="ascii")


def test_files_of_different_formats_do_not_go_together(tmp_path: Path) -> None:
    """Chats beside tables: both files are named with what they were taken for."""
    write_rows(tmp_path / "chat.jsonl", [{"messages": [{"role": "user", "content": "hi"}]}])
    write_rows(tmp_path / "rows.jsonl", labelled(10))
    with pytest.raises(
        DataError, match=r"do not go together: .*chat.jsonl was taken for .*conversations, but"
    ):
        load(write_task(tmp_path, data="[chat.jsonl, rows.jsonl]"))


@pytest.mark.parametrize("backwards", [False, True])
def test_too_many_rows_are_sampled_by_content(tmp_path: Path, *, backwards: bool) -> None:
    """The smallest hashes stay, whatever the order of the rows; what was read and kept is said."""
    rows = labelled(500)
    keys = sorted(samples.key_of(row["text"]) for row in rows)[:100]
    loaded = load_rows(tmp_path, rows[::-1] if backwards else rows, max_rows="100")
    splits = loaded.splits
    assert keys == sorted(s.key for s in (*splits.train, *splits.dev, *splits.certify))
    finding = found(loaded, "rows beyond max_rows")
    assert finding.detail.startswith("500 rows were read; the 100 distinct inputs")


def test_huge_rows_are_bounded_by_their_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few huge rows cannot fill memory: the same rule, counted in characters."""
    monkeypatch.setattr(samples, "MOST_CHARACTERS", 2000)
    loaded = load_rows(tmp_path, labelled(500))
    assert 20 < loaded.profile.samples < 100
    assert 500 == found(loaded, "rows beyond max_rows").count


def test_labels_that_look_alike_or_like_free_text_are_found(tmp_path: Path) -> None:
    """Billing and billing are two classes, which is probably not meant; neither is a class per row."""
    rows = labelled(60)
    rows[0]["label"] = "Class 0"
    assert ("Class 0", "class 0") == found(
        load_rows(tmp_path, rows), "labels that differ only in case or blanks"
    ).examples
    free = [{**row, "label": f"because {row['text']}"} for row in rows]
    assert Severity.PROBLEM is found(load_rows(tmp_path, free), "labels that look like free text").severity


def test_the_class_to_be_found_must_exist(tmp_path: Path) -> None:
    """A misspelt `positive` is told with the nearest label."""
    bars = (
        "{quality: {metric: recall_at_false_alarm, target: absolute, at_least: 0.5, "
        "positive: klass 1, false_alarm: 0.1}}"
    )
    with pytest.raises(DataError, match="positive is 'klass 1'") as caught:
        load_rows(tmp_path, labelled(60), bars=bars)
    assert "did you mean 'class 1'?" == caught.value.hint


def test_reference_and_truth_are_kept_apart_and_compared(tmp_path: Path) -> None:
    """How right the reference is comes with n and interval; truth alone makes the labels."""
    rows = [{**row, "big": row["label"] if n % 10 else "rubbish"} for n, row in enumerate(labelled(200))]
    loaded = load_rows(tmp_path, rows, reference="{answers: big}")
    share = loaded.profile.reference_accuracy
    assert share is not None
    assert (0.9, 200) == (share.value, share.n)
    assert share.interval.lower < 0.9 < share.interval.upper
    assert ("class 0", "class 1") == loaded.task.labels


def test_recorded_answers_and_latencies_are_read(tmp_path: Path) -> None:
    """Each recorded candidate's answer is under its name; a latency that is no number is counted."""
    rows = [{**row, "phi": "class 1", "ms": 7.5} for row in labelled(60)]
    rows[0]["ms"] = "fast"
    rows[1]["phi"] = None
    loaded = load_rows(
        tmp_path,
        rows,
        reference="{answers: phi, latency_ms: ms}",
        ladder="[{kind: recorded, answers: phi, name: Phi}]",
    )
    everything = {s.text: s for s in (*loaded.splits.train, *loaded.splits.dev, *loaded.splits.certify)}
    assert {"Phi": "class 1"} == everything[rows[5]["text"]].recorded
    assert {} == everything[rows[1]["text"]].recorded
    assert 7.5 == everything[rows[5]["text"]].reference_latency_ms
    assert 1 == found(loaded, "latencies that are no numbers").count


def test_predicting_names_a_missing_input_column(tmp_path: Path) -> None:
    """A file without the task's input is no silent empty answer."""
    path = write_rows(tmp_path / "new.jsonl", [{"txet": "a"}])
    with pytest.raises(DataError, match="'text'"):
        list(read_inputs(path, read_spec(write_task(tmp_path))))


def test_a_bar_against_truth_without_truth_is_a_problem(tmp_path: Path) -> None:
    """It cannot be shown, and the finding says so; agreement needs no truth."""
    rows = [{"text": row["text"], "big": row["label"]} for row in labelled(60)]
    bars = {"non_inferior": "margin", "agreement": "at_most"}
    severities = {}
    for target, threshold in bars.items():
        quality = f"{{quality: {{target: {target}, {threshold}: 0.1}}}}"
        loaded = load_rows(tmp_path, rows, target="", reference="{answers: big}", bars=quality)
        severities[target] = found(loaded, "no truth").severity
    assert {"non_inferior": Severity.PROBLEM, "agreement": Severity.WARNING} == severities


def test_a_group_must_be_one_value(tmp_path: Path) -> None:
    """A list cannot tie rows together."""
    rows = [{**row, "who": ["a", "b"]} for row in labelled(20)]
    with pytest.raises(DataError, match=r"rows.jsonl:1: the field 'who' holds a list"):
        load_rows(tmp_path, rows, group="who")


def test_an_endless_line_is_refused_before_it_fills_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In every encoding, with the line's number."""
    monkeypatch.setattr(text_lines, "LONGEST_LINE_BYTES", 1 << 20)
    data = lines_of(labelled(20)) + b'{"text": "' + b"a" * (1 << 21)
    with pytest.raises(DataError, match="line 21: longer than 1 MiB"):
        load_bytes(tmp_path, data)
    with pytest.raises(DataError, match="line 21: longer than 1 MiB"):
        load_bytes(tmp_path, data, encoding="latin-1")
