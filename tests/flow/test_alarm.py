"""Recall at a fixed false-alarm rate, from a task file to a certificate, and honestly not."""

import json
import random

import pytest

import suffice
from suffice.bar import Verdict
from tests.flow.conftest import FILLERS

pytestmark = pytest.mark.slow

FRAUD = ("stolen", "unknown charge", "phishing", "not me", "hacked")
USUAL = ("opening hours", "balance", "statement", "new card", "address")
BAR = "{metric: recall_at_false_alarm, target: absolute, at_least: 0.7, positive: fraud, false_alarm: 0.1}"


def made_alarms(n, *, doubtful, seed=0):
    """Returns rows of which a sixteenth is fraud.

    Half of the fraud texts say so; the others, and a share `doubtful` of all usual texts, speak of
    an odd payment. At 5% such a text is fraud with probability 0.4.
    """
    draw = random.Random(seed)
    rows = []
    for number in range(n):
        is_fraud = number % 16 == 0
        clear = draw.random() >= (0.5 if is_fraud else doubtful)
        words = draw.choice(FRAUD if is_fraud else USUAL) if clear else "odd payment"
        text = " ".join([*draw.sample(FILLERS, 4), words, f"no{draw.randrange(10**6)}"])
        rows.append({"text": text, "label": "fraud" if is_fraud else "usual"})
    draw.shuffle(rows)
    return rows


def without_reference(task):
    """Returns the task file after its line on the reference was taken out."""
    lines = [line for line in task.read_text().splitlines() if not line.startswith("reference:")]
    task.write_text("\n".join(lines) + "\n")
    return task


def test_a_rare_class_is_found_at_the_allowed_alarms(make_task, tmp_path):
    """The linear model is certified at a threshold of dev's; predict and verify hold for the alarm."""
    task = without_reference(make_task(made_alarms(2400, doubtful=0.05), quality=BAR))
    outcome = suffice.run(task, out=tmp_path / "run")
    assert (Verdict.PASS, "linear") == (outcome.facts.verdict, outcome.facts.chosen.name)
    assert all(check.is_met for check in suffice.verify(outcome.folder))
    assert any("where its probability is at least" in note for note in outcome.facts.notes)
    manifest = json.loads((outcome.folder / "bundle/model/tiers/0/model.json").read_text())
    assert ("alarm", "fraud") == (manifest["kind"], manifest["settings"]["positive"])
    (tmp_path / "new.csv").write_text("text\nplease help odd payment today\nplease help balance today\n")
    suffice.predict(outcome.folder, tmp_path / "new.csv", tmp_path / "answers.jsonl")
    answers = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert ["fraud", "usual"] == [answer["answer"] for answer in answers]


def test_a_class_that_the_texts_do_not_tell_is_not_certified(make_task, tmp_path):
    """Where 40% of the usual texts are doubtful, no threshold finds 70% at 10% alarms: no bundle."""
    task = without_reference(make_task(made_alarms(2400, doubtful=0.4), quality=BAR))
    outcome = suffice.run(task, out=tmp_path / "run")
    assert Verdict.PASS != outcome.facts.verdict
    assert not (outcome.folder / "bundle").exists()


def test_a_dev_split_without_the_class_is_told(make_task, tmp_path):
    """With one row of the class no threshold can be chosen, and the message says what to add."""
    rows = made_alarms(300, doubtful=0.0)
    kept = [row for row in rows if row["label"] != "fraud"]
    train = [*kept[:150], *(row for row in rows if row["label"] == "fraud")]
    task = make_task([], quality=BAR)
    for name, part in (("train", train), ("dev", kept[150:200]), ("certify", kept[200:])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    data = "data: {train: train.jsonl, dev: dev.jsonl, certify: certify.jsonl}"
    task.write_text(without_reference(task).read_text().replace("data: rows.jsonl", data))
    with pytest.raises(suffice.SufficeError, match="0 are 'fraud'"):
        suffice.run(task, out=tmp_path / "run")
