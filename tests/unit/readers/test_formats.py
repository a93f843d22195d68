"""Every format arrives as the same samples, told by content."""

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suffice.errors import DataError, SpecError
from suffice.readers import hub
from suffice.readers.detect import Records, detect, records_of
from suffice.readers.load import load, read_inputs
from suffice.readers.task_file import read_spec
from suffice.task import Message, Sample
from tests.unit.readers.writing import labelled, write_rows, write_task

ROWS = labelled(40)
EXPECTED = {row["text"]: row["label"] for row in ROWS}


def loaded_targets(task: Path) -> dict[str, Any]:
    """Returns the truth by text, over all splits."""
    splits = load(task).splits
    return {sample.text: sample.target for sample in (*splits.train, *splits.dev, *splits.certify)}


def write_csv(path: Path, delimiter: str) -> None:
    """Writes ROWS as a table."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["text", "label"], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(ROWS)


def write_parquet(path: Path) -> None:
    """Writes ROWS as Parquet."""
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.Table.from_pylist(ROWS), path, row_group_size=7)


WRITERS: dict[str, Callable[[Path], Any]] = {
    "JSON Lines": lambda path: write_rows(path, ROWS),
    "a JSON array": lambda path: path.write_text(json.dumps(ROWS)),
    "a JSON array, indented": lambda path: path.write_text(json.dumps(ROWS, indent=2)),
    "CSV": lambda path: write_csv(path, ","),
    "TSV": lambda path: write_csv(path, "\t"),
    "semicolon-separated CSV": lambda path: write_csv(path, ";"),
    "Parquet": write_parquet,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("packed", [False, True])
def test_tables_of_every_kind_give_the_same_samples(tmp_path: Path, name: str, *, packed: bool) -> None:
    """The storage is told by content: the file is called rows.jsonl throughout, packed or not."""
    path = tmp_path / "rows.jsonl"
    WRITERS[name](path)
    if packed and name != "Parquet":
        path.write_bytes(gzip.compress(path.read_bytes()))
    detected = detect(path)
    assert detected.storage.startswith(name.split(",", maxsplit=1)[0])
    assert Records.TABLE is detected.records
    assert loaded_targets(write_task(tmp_path)) == EXPECTED


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("form", ["lines", "csv"])
def test_byte_order_marks_tell_the_encoding(tmp_path: Path, encoding: str, form: str) -> None:
    """UTF-8, 16 and 32 with a mark need no setting, and the mark is no part of the first column's name."""
    path = tmp_path / "rows.jsonl"
    WRITERS["JSON Lines" if form == "lines" else "CSV"](path)
    path.write_bytes(path.read_text().replace("apple", "äpfel").encode(encoding))
    texts = loaded_targets(write_task(tmp_path))
    assert {text.replace("apple", "äpfel") for text in EXPECTED} == set(texts)


def test_a_named_encoding_is_used(tmp_path: Path) -> None:
    """`encoding: cp1252` reads what is not UTF-8."""
    write_rows(tmp_path / "rows.jsonl", ROWS)
    raw = (tmp_path / "rows.jsonl").read_text().replace("apple", "äpfel").encode("cp1252")
    (tmp_path / "rows.jsonl").write_bytes(raw)
    texts = loaded_targets(write_task(tmp_path, encoding="cp1252"))
    assert {text.replace("apple", "äpfel") for text in EXPECTED} == set(texts)


def test_csv_fields_may_span_lines_and_be_long(tmp_path: Path) -> None:
    """A quoted line break stays in its field, a field may have 1 MB, and places count lines."""
    long = "wörd " * 200_000
    lines = ['text,label\n"first\nsecond",a\n', f'"{long}",b\n', "third,a\n"]
    (tmp_path / "rows.jsonl").write_text("".join(lines))
    spec = read_spec(write_task(tmp_path))
    samples = list(read_inputs(tmp_path / "rows.jsonl", spec))
    assert ["first\nsecond", long, "third"] == [sample.text for sample in samples]
    assert ["2", "4", "5"] == [sample.source.rpartition(":")[2] for sample in samples]


def chat(row: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Returns a row as a request body."""
    turns = [{"role": "system", "content": "Sort this."}, {"role": "user", "content": row["text"]}]
    return {"messages": turns, **more}


def chat_answer(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a row's label as a Chat Completions response."""
    return {"choices": [{"message": {"role": "assistant", "content": f" {row['label']}\n"}}]}


def responses_answer(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns a row's label as output items of the Responses API."""
    content = [{"type": "output_text", "text": row["label"]}]
    return [
        {"type": "reasoning", "summary": []},
        {"type": "message", "role": "assistant", "content": content},
    ]


LOGS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "request and response": lambda row: {"request": chat(row), "response": chat_answer(row)},
    "flywheel": lambda row: {
        "timestamp": 1,
        "workload_id": "w",
        "client_id": "c",
        "request": chat(row, model="big"),
        "response": chat_answer(row),
    },
    "side by side": lambda row: {**chat(row), **chat_answer(row)},
    "answer as text": lambda row: {**chat(row), "response": row["label"]},
    "bodies as text": lambda row: {
        "request": json.dumps(chat(row)),
        "response": json.dumps(chat_answer(row)),
    },
    "Responses": lambda row: {
        "request": {"model": "big", "instructions": "Sort this.", "input": row["text"]},
        "response": {"object": "response", "output": responses_answer(row)},
    },
    "Responses, stored": lambda row: {
        "object": "response",
        "instructions": "Sort this.",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": row["text"]}]}],
        "output": responses_answer(row),
    },
    "Anthropic Messages": lambda row: {
        "request": {
            "model": "big",
            "system": [{"type": "text", "text": "Sort this."}],
            "messages": [{"role": "user", "content": row["text"]}],
        },
        "response": {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": row["label"]}],
        },
    },
}
LOGS |= {
    "OpenAI decisions": lambda row: {
        "request": {"model": "big", "input": row["text"], "questions": [question(name="kind")]},
        "response": {"model": "big", "answers": [{"type": "choice", "name": "kind", "choice": row["label"]}]},
    },
    "OpenAI decisions on a chat, side by side": lambda row: {
        "input": [{"role": "user", "content": row["text"]}],
        "questions": [question()],
        "answers": [{"type": "choice", "choice": row["label"], "confidence": 0.9}],
    },
    "System One": lambda row: {
        "request": {"model": "one", "state": row["text"], "questions": {"kind": question(criteria={})}},
        "response": {"answers": {"kind": {"type": "choice", "choice": row["label"], "probabilities": {}}}},
    },
}


def question(**more: Any) -> dict[str, Any]:
    """Returns the question of a decision API that asks for the class."""
    choices = [{"value": f"class {number}"} for number in range(2)]
    return {"type": "choice", "instructions": "Sort this.", "choices": choices, **more}


AGREEMENT = "{quality: {target: agreement, at_most: 0.1}}"


@pytest.mark.parametrize("name", LOGS)
def test_logs_give_the_references_answers_not_truth(tmp_path: Path, name: str) -> None:
    """The last user turn is the input, the answer is the reference's, and the system prompt is kept."""
    write_rows(tmp_path / "rows.jsonl", map(LOGS[name], ROWS))
    loaded = load(write_task(tmp_path, input="", target="", reference="{}", bars=AGREEMENT))
    samples = (*loaded.splits.train, *loaded.splits.dev, *loaded.splits.certify)
    assert EXPECTED == {sample.text: sample.reference for sample in samples}
    assert {None} == {sample.target for sample in samples}
    assert Message(role="system", content="Sort this.") == samples[0].messages[0]
    assert ("class 0", "class 1") == loaded.task.labels
    assert loaded.targets_are_reference
    rows = loaded.training_rows()
    assert all(sample.target == EXPECTED[sample.text] for sample in (*rows.train, *rows.dev))


def test_decisions_that_name_no_answer_are_counted(tmp_path: Path) -> None:
    """A refusal is a row without an answer; several questions, or a probability, are skipped."""
    rows = [LOGS["OpenAI decisions"](row) for row in labelled(44)]
    rows[40]["response"]["answers"] = [{"type": "refusal", "name": "kind"}]
    rows[41]["request"]["questions"] *= 2
    rows[42]["request"]["questions"] = [{"type": "predicate", "instructions": "Is it class 0?"}]
    rows[43]["request"]["questions"] = []
    write_rows(tmp_path / "rows.jsonl", rows)
    loaded = load(write_task(tmp_path, input="", target="", reference="{}", bars=AGREEMENT))
    counts = {finding.what: finding.count for finding in loaded.findings}
    assert 1 == counts["requests the reference failed to answer"]
    assert 3 == counts["records without a conversation"]
    assert (41, 40) == (loaded.profile.samples, loaded.profile.with_reference)


def test_a_column_of_questions_makes_no_decision_log() -> None:
    """Tables and chats may have a field of that name."""
    assert Records.TABLE is records_of({"input": "x", "questions": "which class?"})
    assert Records.CHAT is records_of({**chat(ROWS[0]), "input": "x", "questions": []})


def test_a_decision_on_an_object_reads_it_as_json(tmp_path: Path) -> None:
    """System One's state may be any JSON value; its keys are sorted, so equal states are one input."""
    rows = [LOGS["System One"](row) for row in ROWS[:2]]
    rows[0]["request"]["state"], rows[1]["request"]["state"] = {"b": 1, "a": "é"}, {"a": "é", "b": 1}
    path = write_rows(tmp_path / "rows.jsonl", rows)
    samples = list(read_inputs(path, read_spec(write_task(tmp_path, input="", target=""))))
    assert ['{"a": "é", "b": 1}'] * 2 == [sample.text for sample in samples]


def fine_tuning(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a row as an example of a fine-tuning file."""
    body = chat(row, kind=row["label"])
    return {**body, "messages": [*body["messages"], {"role": "assistant", "content": row["label"]}]}


def test_fine_tuning_answers_are_truth_unless_a_reference_is_recorded(tmp_path: Path) -> None:
    """One answer is either truth or the reference's, never both."""
    write_rows(tmp_path / "rows.jsonl", map(fine_tuning, ROWS))
    alone = load(write_task(tmp_path, input="", target=""))
    assert {"class 0", "class 1"} == {sample.target for sample in alone.splits.train}
    assert {None} == {sample.reference for sample in alone.splits.train}
    logged = load(write_task(tmp_path, input="", target="kind", reference="{}", bars=AGREEMENT))
    assert all(sample.target == sample.reference for sample in logged.splits.train)
    assert all(len(sample.messages) == 2 for sample in logged.splits.train)


def test_teacher_files_give_reference_answers(tmp_path: Path) -> None:
    """{"input", "teacher"}: the teacher is the reference."""
    write_rows(tmp_path / "rows.jsonl", [{"input": row["text"], "teacher": row["label"]} for row in ROWS])
    loaded = load(write_task(tmp_path, input="", target="", reference="{}", bars=AGREEMENT))
    assert EXPECTED[loaded.splits.train[0].text] == loaded.splits.train[0].reference


def test_evals_samples_give_truth(tmp_path: Path) -> None:
    """{"input": [turns], "ideal": [label]}: the ideal answer is truth."""
    rows = [{"input": chat(row)["messages"], "ideal": [row["label"]]} for row in ROWS]
    write_rows(tmp_path / "rows.jsonl", rows)
    assert loaded_targets(write_task(tmp_path, input="", target="")) == EXPECTED


def write_batch(folder: Path) -> None:
    """Writes requests, and results in another order: one failed, one lost, one unknown."""
    requests = [{"custom_id": f"r{n}", "method": "POST", "body": chat(row)} for n, row in enumerate(ROWS)]
    results: list[dict[str, Any]] = [
        {"custom_id": f"r{n}", "response": {"status_code": 200, "body": chat_answer(row)}, "error": None}
        for n, row in enumerate(ROWS)
    ]
    results[3] = {"custom_id": "r3", "response": {"status_code": 500, "body": {"error": {"message": "no"}}}}
    del results[5]
    results.insert(0, {**results[0], "error": "a second result, which is not the first"})
    results.append({"custom_id": "r99", "response": {"status_code": 200, "body": chat_answer(ROWS[0])}})
    write_rows(folder / "in.jsonl", requests)
    write_rows(folder / "out.jsonl", reversed(results))


@pytest.mark.parametrize(
    "data", ["{batch_input: in.jsonl, batch_output: out.jsonl}", "[in.jsonl, out.jsonl]"]
)
def test_batch_requests_are_joined_with_their_results(tmp_path: Path, data: str) -> None:
    """Joined on custom_id in any order; what failed or is missing is counted, and its row is kept."""
    write_batch(tmp_path)
    loaded = load(write_task(tmp_path, data=data, input="", target="", reference="{}", bars=AGREEMENT))
    splits = loaded.splits
    answers = {sample.text: sample.reference for sample in (*splits.train, *splits.dev, *splits.certify)}
    unanswered = {ROWS[3]["text"], ROWS[5]["text"]}
    assert {text: None if text in unanswered else label for text, label in EXPECTED.items()} == answers
    counts = {finding.what: finding.count for finding in loaded.findings}
    assert 1 == counts["requests the reference failed to answer"]
    assert 1 == counts["batch requests without a result"]
    assert 1 == counts["batch results without a request"]
    assert 1 == counts["batch results that repeat a custom_id"]


def test_batch_results_alone_are_refused(tmp_path: Path) -> None:
    """Results carry no inputs."""
    write_batch(tmp_path)
    with pytest.raises(DataError, match="results without their requests"):
        load(write_task(tmp_path, data="out.jsonl", input=""))


def test_tool_calls_and_parts_are_read(tmp_path: Path) -> None:
    """A call's arguments are the answer; the text parts of a turn are its text."""
    parts = [
        {"type": "text", "text": "what is"},
        {"type": "image_url", "image_url": {}},
        {"type": "text", "text": "it"},
    ]
    call = {"function": {"name": "f", "arguments": '{"a": 1}'}}
    response = {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [call]}}]}
    row = {"request": {"messages": [{"role": "user", "content": parts}]}, "response": response}
    path = write_rows(tmp_path / "rows.jsonl", [row])
    spec = read_spec(write_task(tmp_path, input="", target="", reference="{}", bars=AGREEMENT))
    (sample,) = read_inputs(path, spec)
    assert "what is\nit" == sample.text


def test_several_turns_are_another_input_than_their_last(tmp_path: Path) -> None:
    """'yes' after one question is not 'yes' after another; a changed system prompt is the same input."""

    def row(*turns: str) -> dict[str, Any]:
        roles = ["system", "user", "assistant", "user"]
        return {
            "messages": [{"role": role, "content": turn} for role, turn in zip(roles, turns, strict=False)]
        }

    rows = [row("s", "hi", "more?", "yes"), row("s", "ho", "less?", "yes"), row("s", "yes"), row("t", "yes")]
    path = write_rows(tmp_path / "rows.jsonl", rows)
    samples = list(read_inputs(path, read_spec(write_task(tmp_path, input=""))))
    assert 3 == len({sample.key for sample in samples})
    assert samples[2].key == samples[3].key


def test_reads_inputs_without_labels_in_file_order(tmp_path: Path) -> None:
    """New rows need no label, no reference and no recorded answer, whatever the task file names."""
    path = write_rows(tmp_path / "new.jsonl", [{"text": "b", "n": 1}, {"text": ""}, {"text": "a"}])
    task = write_task(
        tmp_path, reference="{answers: big}", ladder="[{kind: recorded, answers: phi3}]", id="n"
    )
    samples: list[Sample] = list(read_inputs(path, read_spec(task)))
    assert ["b", "a"] == [sample.text for sample in samples]
    assert f"{path}:1 (1)" == samples[0].source


def test_numbers_and_truth_values_become_labels(tmp_path: Path) -> None:
    """3, 3.0 and "3" are one label; true is "true"; the mixture is a finding."""
    values: list[Any] = [3, 3.0, "3", True]
    write_rows(
        tmp_path / "rows.jsonl",
        [{**row, "label": values[n % 4]} for n, row in enumerate(labelled(60))],
    )
    loaded = load(write_task(tmp_path))
    assert ("3", "true") == loaded.task.labels
    assert 45 == next(f.count for f in loaded.findings if f.what.startswith("labels that are numbers"))


def test_hub_names_are_parsed_and_offline_is_obeyed() -> None:
    """hf:owner/name[:split]; --offline forbids the download before anything is imported."""
    assert hub.HubName(repository="owner/name", split="train") == hub.parse_name("hf:owner/name")
    assert hub.HubName(repository="owner/name", split="test") == hub.parse_name("hf:owner/name:test")
    for wrong in ("hf:name", "hf:a/b/c", "hf:/x", "hf:../x"):
        with pytest.raises(SpecError, match="names no data set"):
            hub.parse_name(wrong)
    with pytest.raises(DataError, match="--offline forbids"):
        hub.download("hf:owner/name", offline=True)


def test_records_that_are_no_conversation_or_failed_are_counted(tmp_path: Path) -> None:
    """Among chats: what cannot be read is skipped, what the model failed to answer is kept."""
    rows = [LOGS["request and response"](row) for row in ROWS]
    rows.append({"request": {"path": "/v1/models"}, "response": {"data": []}})
    rows.append({"request": chat(labelled(1, start=99)[0]), "response": {"status_code": 500}})
    write_rows(tmp_path / "rows.jsonl", rows)
    loaded = load(write_task(tmp_path, input="", target="", reference="{}", bars=AGREEMENT))
    counts = {finding.what: finding.count for finding in loaded.findings}
    assert 1 == counts["records without a conversation"]
    assert 1 == counts["requests the reference failed to answer"]
    assert (41, 40) == (loaded.profile.samples, loaded.profile.with_reference)
