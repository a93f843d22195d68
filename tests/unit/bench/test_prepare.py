"""The examples' data: splits by hash, a reference chosen before the certify rows, a readable task file."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from examples import prepare
from suffice.readers.task_file import read_spec

ROOT = Path(prepare.__file__).parent.parent


def rows(n):
    """Questions on which the large model errs a tenth of the time and the small one a fifth."""
    return [
        {
            "id": str(i),
            "question": f"Question {i}, about what?\nA. this\nB. that",
            "answer": "AB"[i % 2],
            "Phi-3-mini-4k-instruct": "AB"[(i + (i % 5 == 0)) % 2],
            "Mixtral-8x7B-v0.1": "AB"[(i + (i % 10 == 3)) % 2],
            "gpt4o@pr": "AB"[i % 2],
            "half-asked": "A" if i % 2 else "",
        }
        for i in range(n)
    ]


def test_recorded_models_become_a_ladder_by_size(tmp_path) -> None:
    """The reference is the best model, the rungs are the others whose size is known, smallest first."""
    made = prepare.recorded(rows(400), tmp_path, name="made", only_open=False)
    spec = read_spec(made[-1])
    assert spec.reference is not None
    assert "gpt4o@pr" == spec.reference.answers
    assert ["Phi-3-mini-4k-instruct", "Mixtral-8x7B-v0.1"] == [rung.rung.name for rung in spec.ladder]
    with (tmp_path / "certify.csv").open(newline="") as file:
        certify = list(csv.DictReader(file))
    assert all(prepare.split_of(row["id"]) == "certify" for row in certify)
    assert 0.6 * 400 < len(certify) < 0.8 * 400


def test_only_open_takes_a_reference_of_known_size(tmp_path) -> None:
    """With --only-open the best model of public size is the reference, and no larger one is a rung."""
    spec = read_spec(prepare.recorded(rows(400), tmp_path, name="made", only_open=True)[-1])
    assert spec.reference is not None
    assert "Mixtral-8x7B-v0.1" == spec.reference.answers
    assert ["Phi-3-mini-4k-instruct"] == [rung.rung.name for rung in spec.ladder]


def test_clinc150_keeps_its_own_splits(tmp_path) -> None:
    """Its val becomes dev, its test certify, and out-of-scope questions are in the second variant alone."""
    source = tmp_path / "source" / "clinc150"
    source.mkdir(parents=True)
    parts = {p: [[f"{p} text", "intent"]] for p in ("train", "val", "test")}
    parts |= {f"oos_{p}": [[f"{p} other", "oos"]] for p in ("train", "val", "test")}
    (source / "data_full.json").write_text(json.dumps(parts))
    prepare.clinc150(tmp_path / "source", tmp_path / "out")
    certify = (tmp_path / "out" / "clinc150" / "certify.jsonl").read_text().splitlines()
    assert [{"text": "test text", "intent": "intent"}] == [json.loads(line) for line in certify]
    both = (tmp_path / "out" / "clinc150_oos" / "dev.jsonl").read_text().splitlines()
    assert ["intent", "oos"] == [json.loads(line)["intent"] for line in both]


@pytest.mark.parametrize("name", ["clinc150.yaml", "clinc150_oos.yaml"])
def test_task_files_are_read(name) -> None:
    """Every task file of the examples keeps to the schema."""
    assert read_spec(ROOT / "examples" / name).name.startswith("clinc150")


def test_absent_data_are_said(tmp_path) -> None:
    """Without the data set the tool names the missing file and the variable, and shows no traceback."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "prepare.py"), "clinc150", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={"SUFFICE_DATA": str(tmp_path)},
    )
    assert 1 == done.returncode
    assert "SUFFICE_DATA" in done.stderr
    assert "Traceback" not in done.stderr


def test_snips_is_written_as_frames(tmp_path):
    """Text and slots are joined; a slot that stands twice has a list; one file is Latin-1."""
    folder = tmp_path / "source" / "snips" / "PlayMusic"
    folder.mkdir(parents=True)
    parts = [
        {"text": "play "},
        {"text": "Mú", "entity": "artist"},
        {"text": " and "},
        {"text": "X ", "entity": "artist"},
    ]
    data = {"PlayMusic": [{"data": parts}] * 12}
    (folder / "train_PlayMusic_full.json").write_bytes(json.dumps(data, ensure_ascii=False).encode("latin-1"))
    (folder / "validate_PlayMusic.json").write_text(json.dumps({"PlayMusic": [{"data": parts[:2]}]}))
    made = prepare.snips(tmp_path / "source", tmp_path / "out")
    rows = [json.loads(line) for path in made for line in path.read_text("utf-8").splitlines()]
    assert ["train.jsonl", "dev.jsonl", "certify.jsonl"] == [path.name for path in made]
    assert {"intent": "PlayMusic", "slots": {"artist": ["Mú", "X"]}} == rows[0]["target"]
    assert {"text": "play Mú", "target": {"intent": "PlayMusic", "slots": {"artist": "Mú"}}} == rows[-1]
