"""Bad input, bad places and bad luck, from the command line: a clear error or a stated degradation."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.flow.command_line import disk_that_takes, refused, started, suffice, write_task
from tests.flow.conftest import made_rows

pytestmark = pytest.mark.slow

ROWS = made_rows(700, reference_errs=0.1, seed=5)


def raw(rows=ROWS):
    """Returns rows as the bytes of a JSON Lines file."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture(name="good", scope="module")
def _good(tmp_path_factory):
    """One certified run's folder, beside its task file; tests that change it take a copy."""
    place = tmp_path_factory.mktemp("good")
    os.environ["SUFFICE_HOME"] = str(place / "home")
    task = write_task(place, ROWS)
    assert 0 == suffice("run", task, "--out", place / "run").code
    return place


@pytest.fixture(name="copy")
def _copy(good, tmp_path, monkeypatch):
    """A copy of the certified run with its task file, keys and budget account."""
    shutil.copytree(good, tmp_path / "copy")
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "copy" / "home"))
    return tmp_path / "copy"


def flip(path):
    """Changes one bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "rows.jsonl is empty (0 bytes)"),
        (b"\n\n\n", "holds no rows"),
        (raw([{**row, "label": "x"} for row in ROWS]), "every labelled train row has the label 'x'"),
        (raw([{"text": row["text"], "gpt": "x"} for row in ROWS]), "no column 'label' (target)"),
        (raw([{"id": 1, "label": "x", "gpt": "x"}] * 9), "no column 'text' (input)"),
        (raw([{**row, "gpt": None} for row in ROWS]), "dev rows can be used for target 'non_inferior'"),
        (raw([{**row, "gpt": f"I say {row['gpt']}"} for row in ROWS]), "answers is a label, e.g. 'I say"),
        (raw(ROWS[:2]), "can be used for target 'non_inferior'"),
        (raw().replace(b"please", b"pl\xffase"), "(0xff) is not UTF-8"),
        (raw().replace(b"please", b"pl\0ase"), "not JSON: Invalid control character"),
        (b"\x89PNG\r\n\x1a\n\0\0", "rows.jsonl"),
    ],
)
def test_data_that_cannot_be_used_are_refused(tmp_path, data, words):
    """The file, the place in it and what was expected are named; nothing was certified."""
    task = write_task(tmp_path, data)
    assert words in refused("run", task, "--out", tmp_path / "run")
    assert not (tmp_path / "run" / "certificate.json").exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ladder:", "laddr:", "line 11: unknown key 'laddr'\nhint: did you mean 'ladder'?"),
        ("target: label", "target: lable", "did you mean 'label'?"),
        ("kind: classify", "kind: extract", "holds no JSON"),
        ("kind: linear,", "kind: fake,", "fake"),
        ("rows.jsonl", "row.jsonl", "there is no file"),
        ("rows.jsonl", ".", "is a folder"),
        ("version: 1", "version: 9", "version"),
        ("- {kind: linear, name: linear}", "[]", "ladder"),
        ("data: rows.jsonl", "data: {train: rows.jsonl, certify: rows.jsonl}", "the train split is empty"),
    ],
)
def test_a_task_file_that_cannot_be_used_is_refused(tmp_path, old, new, words):
    """The key, its value and the nearest right one are named."""
    task = write_task(tmp_path, ROWS)
    task.write_text(task.read_text().replace(old, new, 1))
    assert words in refused("run", task, "--out", tmp_path / "run")


def test_odd_rows_are_mended_and_each_is_told(tmp_path):
    """A run over many oddities at once ends, and its report names every one with a count."""
    rows = made_rows(420, reference_errs=0.1, seed=9)
    for number, row in enumerate(rows):
        if number % 4 == 0:
            del row["gpt"]
        elif number % 50 == 1:
            row["gpt"] = "as a language model"
    rows[1]["text"] += "\0"
    rows += [
        {"text": "word " * 200_000, "label": "refund", "gpt": "refund"},
        {"text": 17, "label": 3, "gpt": True},
        {"text": "one of a kind", "label": "lonely", "gpt": "refund"},
        {"text": None, "label": "refund", "gpt": "refund"},
        *({**row, "label": "refund"} for row in rows[60:100]),
    ]
    task = write_task(tmp_path, b"\xef\xbb\xbf" + raw(rows))
    task.write_text(task.read_text() + "max_rows: 410\n")
    said = suffice("run", task, "--out", tmp_path / "run", "--json")
    assert said.code in {0, 3}
    findings = "\n".join(said.value["data"]["findings"])
    for words in (
        "texts with NUL characters: 1",
        "very long texts: 1",
        "labels that are numbers or truth values: 2",
        "lonely (1)",
        "rows without input: 1",
        "equal inputs with different labels:",
        "certify rows without the reference's answer:",
        "rows beyond max_rows: 463",
        "reference answers that are no label:",
    ):
        assert words in findings


def test_labels_never_seen_in_training_count_as_wrong(tmp_path):
    """They stand in dev and certify: told with their number, and no local model is right on them."""
    rows = made_rows(640, reference_errs=0.0, seed=11)
    for number, row in enumerate(rows):
        if number >= 250 and number % 5 == 0:
            row["label"] = "unheard of"
    task = write_task(tmp_path, rows, quality="{target: absolute, at_least: 0.95}")
    for name, part in (("train", rows[:250]), ("dev", rows[250:320]), ("certify", rows[320:])):
        (tmp_path / f"{name}.jsonl").write_bytes(raw(part))
    data = "data: {train: train.jsonl, dev: dev.jsonl, certify: certify.jsonl}"
    task.write_text(task.read_text().replace("data: rows.jsonl", data))
    said = suffice("run", task, "--out", tmp_path / "run", "--json")
    findings = "\n".join(said.value["data"]["findings"])
    assert (1, "fail") == (said.code, said.value["verdict"])
    assert "certify rows with a label that no train row has: 64" in findings
    assert said.value["candidates"][0]["quality"]["estimate"] < 0.9


def test_a_disk_full_at_any_moment_loses_nothing(good, tmp_path, monkeypatch):
    """Each time the place is named; with more room the same command goes on, to the same result."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    command = ("run", good / "task.yaml", "--out", tmp_path / "run")
    for most_bytes, what in (
        (5_000, "store.sqlite"),
        (60_000, "train.jsonl"),
        (100_000, "weights.safetensors"),
        (121_000, "the ledger"),
    ):
        with disk_that_takes(most_bytes):
            assert what in refused(*command)
    said = suffice(*command, "--json")
    before = json.loads((good / "run" / "report.json").read_text())
    assert (0, before["evidence"]) == (said.code, said.value["evidence"])
    assert before["chosen"]["fingerprint"] == said.value["chosen"]["fingerprint"]
    with disk_that_takes(100_000):
        assert "bundle" in refused(*command)
    assert 0 == suffice("verify", tmp_path / "run").code


def test_a_place_that_cannot_be_written_to_is_named(good, tmp_path):
    """A file where a folder should be: for run, and for predict."""
    (tmp_path / "file").write_text("mine")
    new = tmp_path / "new.csv"
    new.write_text("text\nwhere is my parcel\n")
    assert f"cannot write {tmp_path}/file" in refused("run", good / "task.yaml", "--out", tmp_path / "file")
    predict = ("predict", good / "run", "--input", new, "--out")
    assert f"cannot write {tmp_path}/file/x" in refused(*predict, tmp_path / "file" / "x")
    assert "is a folder" in refused(*predict, tmp_path)
    assert "is the input too" in refused(*predict, new)
    assert "text\nwhere is my parcel\n" == new.read_text()
    assert "No space left" in refused(*predict, "/dev/full")
    assert Path("/dev/full").is_char_device()
    assert "mine" == (tmp_path / "file").read_text()


def test_a_folder_named_bundle_that_is_not_ours_stays(good, tmp_path, monkeypatch):
    """It is not taken for an earlier run's and deleted."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    shutil.copytree(good / "run" / "work", tmp_path / "run" / "work")
    (tmp_path / "run" / "bundle").mkdir()
    (tmp_path / "run" / "bundle" / "photo.jpg").write_text("dear")
    assert "bundle" in refused("run", good / "task.yaml", "--out", tmp_path / "run")
    assert "dear" == (tmp_path / "run" / "bundle" / "photo.jpg").read_text()


def test_a_missing_extra_is_named_with_what_to_type(tmp_path):
    """Without torch, asking for fine-tuning says which extra to install."""
    task = write_task(tmp_path, ROWS)
    task.write_text(
        task.read_text().replace("{kind: linear, name: linear}", "{kind: encoder, method: finetune}")
    )
    code = (
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'torch', 'transformers'}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "from suffice.cli.main import main; main(sys.argv[1:])\n"
    )
    command = [sys.executable, "-c", code, "run", str(task), "--out", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (2, "") == (done.returncode, done.stdout)
    assert "needs the package 'torch', which is not installed" in done.stderr
    assert "hint: pip install -c constraints.txt -e '.[train]'" in done.stderr


def test_corrupted_weights_are_never_served(copy, tmp_path):
    """Predict refuses, verify says NOT, and the same run again puts the certified bytes back."""
    flip(next((copy / "run" / "bundle").rglob("weights.safetensors")))
    (tmp_path / "new.csv").write_text("text\nwhere is my parcel\n")
    complaint = refused(
        "predict", copy / "run", "--input", tmp_path / "new.csv", "--out", tmp_path / "a.jsonl"
    )
    assert "weights.safetensors does not match the hash" in complaint
    assert not (tmp_path / "a.jsonl").exists()
    said = suffice("verify", copy / "run")
    assert 1 == said.code
    assert "NOT  served files: bundle/model/tiers/0/weights.safetensors" in said.out
    assert 0 == suffice("run", copy / "task.yaml", "--out", copy / "run").code
    assert 0 == suffice("verify", copy / "run").code


def test_a_corrupted_artefact_is_made_again(copy):
    """What lies in work/ is used only where its bytes match; the result is the same."""
    before = json.loads((copy / "run" / "report.json").read_text())
    weights = next((copy / "run" / "work").rglob("weights.safetensors"))
    flip(weights)
    said = suffice("run", copy / "task.yaml", "--out", copy / "run", "--json")
    assert (0, before["chosen"]["fingerprint"]) == (said.code, said.value["chosen"]["fingerprint"])
    assert before["evidence"] == said.value["evidence"]


def test_a_damaged_ledger_is_named(copy):
    """The store's file is rubbish: which file, and what to do with it."""
    (copy / "run" / "work" / "store.sqlite").write_bytes(b"rubbish" * 1000)
    assert "work/store.sqlite as a ledger: file is not a database" in refused(
        "run", copy / "task.yaml", "--out", copy / "run"
    )


def test_the_certificate_or_evidence_of_another_run_does_not_hold(copy, tmp_path):
    """Signed by the same key, about other bytes: both are found by verify, with exit code 1."""
    other = tmp_path / "other"
    task = write_task(other, made_rows(700, reference_errs=0.1, seed=6))
    assert 0 == suffice("run", task, "--out", other / "run").code
    mine, theirs = copy / "run", other / "run"
    own_evidence = (mine / "evidence.json").read_bytes()
    shutil.copy(theirs / "evidence.json", mine)
    said = suffice("verify", mine, "--json")
    assert (1, False) == (said.code, said.value["holds"])
    assert ["evidence"] == [check["name"] for check in said.value["checks"] if not check["met"]]
    (mine / "evidence.json").write_bytes(own_evidence)
    for name in ("certificate.json", "certificate.dsse.json"):
        shutil.copy(theirs / name, mine)
    said = suffice("verify", mine, "--json")
    assert 1 == said.code
    assert {"served files", "evidence"} == {c["name"] for c in said.value["checks"] if not c["met"]}
    (mine / "certificate.json").unlink()
    assert "certificate.json cannot be read" in suffice("verify", mine).err


def test_a_wrong_key_does_not_verify(copy, tmp_path):
    """No file, no key, another's key: each is told apart from a broken certificate."""
    verify = ("verify", copy / "run", "--key")
    assert "No such file" in refused(*verify, tmp_path / "nothing")
    (tmp_path / "text").write_text("hello")
    assert "is no public key in PEM form" in refused(*verify, tmp_path / "text")
    assert "is no public key in PEM form" in refused(*verify, copy / "home" / "keys" / "ed25519.pem")
    assert 0 == suffice(*verify, copy / "home" / "keys" / "ed25519.pub.pem").code


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("new.jsonl", None, "there is no file"),
        ("new.jsonl", b"", "is empty (0 bytes)"),
        ("new.csv", b"text\n", "holds no rows"),
        ("new.jsonl", b'{"txt": "a"}\n', "no column 'text' (input of the task); its columns are 'txt'"),
        ("new.jsonl", b'{"text": " "}\n', "no row has a text in 'text'"),
        ("new.bin", b"\x80\x81\x82", "is not UTF-8"),
    ],
)
def test_rows_that_cannot_be_answered_are_refused(good, tmp_path, name, data, words):
    """The file and what it lacks are named, and no answers file is left."""
    if data is not None:
        (tmp_path / name).write_bytes(data)
    out = tmp_path / "answers.jsonl"
    assert words in refused("predict", good / "run", "--input", tmp_path / name, "--out", out)
    assert [] == [path for path in tmp_path.iterdir() if path.name != name]


def test_a_folder_without_what_is_asked_for_is_named(tmp_path):
    """No run there, or one that chose nothing; a damaged report."""
    (tmp_path / "new.csv").write_text("text\nhello\n")
    predict = ("--input", tmp_path / "new.csv", "--out", tmp_path / "a.jsonl")
    assert f"{tmp_path} holds no bundle/" in refused("predict", tmp_path, *predict)
    assert "holds no report.json" in refused("report", tmp_path)
    (tmp_path / "report.json").write_text('{"verdict": ')
    assert "report.json is damaged" in refused("report", tmp_path)
    (tmp_path / "report.json").write_text('{"verdict": "pass"}')
    assert "field 'chosen' is missing" in refused("report", tmp_path)
    assert "there is no folder" in refused("verify", tmp_path / "nowhere")
    assert 1 == suffice("verify", tmp_path).code


def test_a_run_is_alone_in_its_folder_and_an_interrupt_loses_nothing(good, tmp_path, monkeypatch):
    """While one runs, another is refused; interrupted, it says so, and the same command finishes it."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    command = ("run", good / "task.yaml", "--out", tmp_path / "run", "--json")
    first = started(*command)
    while not (tmp_path / "run" / "work" / "store.sqlite").exists():
        assert first.poll() is None
        time.sleep(0.01)
    first.send_signal(signal.SIGSTOP)  # it waits, however long the second one takes to say no
    assert f"another run is at work in {tmp_path}/run" in refused(*command[:-1])
    first.send_signal(signal.SIGINT)
    first.send_signal(signal.SIGCONT)
    out, err = first.communicate(timeout=60)
    # Python dies of the signal itself where it met it within `exec`; shells call both 130.
    assert first.returncode in {130, -signal.SIGINT}
    assert "stopped" == json.loads(out)["error"]
    assert "Traceback" not in err
    said = suffice(*command)
    before = json.loads((good / "run" / "report.json").read_text())
    assert (0, before["evidence"]) == (said.code, said.value["evidence"])
