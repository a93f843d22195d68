"""The main job from a task file to a certificate, on small made data and real models."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

import suffice
from suffice.bar import Verdict
from suffice.pipeline.run import RunSettings
from tests.flow.conftest import made_rows

pytestmark = pytest.mark.slow


@pytest.fixture(name="passed", scope="module")
def _passed(tmp_path_factory):
    """One certified run that several tests look at; each takes a copy if it changes it."""
    place = tmp_path_factory.mktemp("passed")
    rows = made_rows(1200, reference_errs=0.1)
    (place / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (place / "task.yaml").write_text(
        "version: 1\nname: made\nkind: classify\ndata: rows.jsonl\ninput: text\ntarget: label\n"
        "reference: {answers: gpt, usd_per_1m_input: 2.5, usd_per_1m_output: 10.0, latency_ms: 600}\n"
        "bars: {quality: {target: non_inferior, margin: 0.02}}\nladder: [{kind: linear, name: linear}]\n"
    )
    home = place / "home"
    os.environ["SUFFICE_HOME"] = str(home)
    return suffice.run(place / "task.yaml", out=place / "run"), home


@pytest.fixture(name="copy")
def _copy(passed, tmp_path, monkeypatch):
    """A copy of the certified run's folder, with its key at home."""
    outcome, home = passed
    monkeypatch.setenv("SUFFICE_HOME", str(home))
    return shutil.copytree(outcome.folder, tmp_path / "run")


def test_a_model_better_than_its_reference_is_certified(passed):
    """The linear model clears the bar, with labels used only where the two differ."""
    facts = passed[0].facts
    assert (Verdict.PASS, "linear") == (facts.verdict, facts.chosen.name)
    assert facts.evidence.labels < facts.evidence.n
    assert facts.evidence.e_value >= 1 / (0.8 * facts.alpha)


def test_the_run_folder_holds_what_is_promised(passed):
    """Certificate, report, report.json, bundle."""
    names = {path.name for path in passed[0].folder.iterdir()}
    assert {"certificate.json", "report.html", "report.json", "bundle"} <= names


def test_the_certificate_holds(copy):
    """Every check of an untouched run is met."""
    assert all(check.is_met for check in suffice.verify(copy))


@pytest.mark.parametrize("name", ["certificate.json", "evidence.json"])
def test_any_changed_byte_breaks_it(copy, name):
    """A changed byte anywhere in certificate or evidence is found."""
    path = copy / name
    raw = bytearray(path.read_bytes())
    at = raw.index(b"linear") if name == "certificate.json" else len(raw) // 2
    raw[at] ^= 1
    path.write_bytes(bytes(raw))
    try:
        checks = suffice.verify(copy)
    except suffice.SufficeError:
        return
    assert not all(check.is_met for check in checks)


def test_every_served_file_is_bound(copy):
    """Changing, adding or removing any file of the bundle breaks the certificate."""
    for path in sorted((copy / "bundle").rglob("*")):
        if path.is_file():
            before = path.read_bytes()
            path.write_bytes(before + b" ")
            assert not all(check.is_met for check in suffice.verify(copy)), path
            path.write_bytes(before)
    (copy / "bundle" / "new").write_bytes(b"")
    assert not all(check.is_met for check in suffice.verify(copy))


def test_numbers_signed_by_somebody_else_are_refused(copy, tmp_path, monkeypatch):
    """A certificate is worth what its key is worth: another home does not trust it."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "another"))
    with pytest.raises(suffice.SufficeError, match="not by the trusted key"):
        suffice.verify(copy)


def test_predict_answers_every_row(copy, tmp_path):
    """The bundle alone answers new rows, in order, with tier and confidence."""
    (tmp_path / "new.csv").write_text("text,x\nwhere is my parcel,1\ni want a refund now,2\n")
    done = suffice.predict(copy, tmp_path / "new.csv", tmp_path / "answers.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert (2, 0) == (done.rows, done.escalated)
    assert ["delivery", "refund"] == [row["answer"] for row in rows]
    assert ["linear", "linear"] == [row["tier"] for row in rows]
    assert all(0 <= row["confidence"] <= 1 and row["escalated"] is False for row in rows)


def test_running_again_changes_nothing_and_spends_nothing(passed, monkeypatch):
    """A finished run, run again, gives the same verdict from what is stored, at look 1."""
    outcome, home = passed
    monkeypatch.setenv("SUFFICE_HOME", str(home))
    again = suffice.run(outcome.folder.parent / "task.yaml", out=outcome.folder)
    assert (outcome.facts.evidence, 1) == (again.facts.evidence, again.facts.proof.look)


def test_another_seed_on_the_same_rows_is_a_retry(passed, monkeypatch, tmp_path):
    """Looking again in another order is charged to the same budget."""
    outcome, home = passed
    monkeypatch.setenv("SUFFICE_HOME", str(home))
    task = outcome.folder.parent / "task.yaml"
    again = suffice.run(task, out=tmp_path / "again", settings=RunSettings(seed=7))
    assert [pytest.approx(0.05 * 0.8 * 0.2)] == [test.alpha for test in again.facts.tests]


def test_a_bar_out_of_reach_is_not_met(make_task, tmp_path):
    """A model far below an absolute bar fails, and nothing is left that looks like a certificate."""
    rows = made_rows(900, reference_errs=0.0)
    for number, row in enumerate(rows):
        if number % 4 == 0:
            row["label"] = "refund"  # truth that the text does not tell
    task = make_task(rows, quality="{target: absolute, at_least: 0.97}")
    outcome = suffice.run(task, out=tmp_path / "run")
    assert Verdict.FAIL == outcome.facts.verdict
    assert not (tmp_path / "run" / "certificate.json").exists()
    assert not (tmp_path / "run" / "bundle").exists()


def test_too_few_rows_are_inconclusive(make_task, tmp_path):
    """Sixty rows cannot show a drop below two points; the report says about how many would."""
    task = make_task(made_rows(160, reference_errs=0.05))
    outcome = suffice.run(task, out=tmp_path / "run")
    assert Verdict.INCONCLUSIVE == outcome.facts.verdict


def test_agreement_needs_no_label(make_task, tmp_path):
    """Without a single truth, agreement with the reference is certified from its answers alone."""
    rows = made_rows(1200, reference_errs=0.0, unlabelled=1.0)
    task = make_task(rows, quality="{target: agreement, at_most: 0.1}")
    task.write_text(task.read_text().replace("target: label\n", ""))
    outcome = suffice.run(task, out=tmp_path / "run")
    assert (Verdict.PASS, 0) == (outcome.facts.verdict, outcome.facts.evidence.labels)


def test_a_limit_that_nothing_keeps_is_named(make_task, tmp_path):
    """With a memory bar of 1 MB no system is tested, and no certify row is looked at."""
    task = make_task(made_rows(300, reference_errs=0.1), limits="  memory_mb: 1")
    outcome = suffice.run(task, out=tmp_path / "run")
    linear = next(c for c in outcome.facts.candidates if c.name == "linear")
    assert (Verdict.FAIL, 0) == (outcome.facts.verdict, outcome.facts.evidence.n)
    assert "over the bar of 1 MB" in linear.why


def test_a_cascade_is_certified_where_no_single_model_is(make_task, tmp_path):
    """Where the small model is good on a part only, a cascade to the reference passes."""
    rows = made_rows(2400, reference_errs=0.02, seed=3)
    for number, row in enumerate(rows):
        if number % 5 == 0:  # a fifth of the texts does not tell its label
            row["text"] = f"please help again no{number} account question {number * 7919 % 1000}"
    outcome = suffice.run(make_task(rows), out=tmp_path / "run")
    assert Verdict.PASS == outcome.facts.verdict
    assert outcome.facts.chosen.name.startswith("linear -> reference")
    assert 0.1 < outcome.facts.escalation.rate < 0.5


def test_a_killed_run_goes_on_and_agrees(passed, tmp_path):
    """Killed with -9 at several moments, then run again: the evidence of a run never killed."""
    outcome, _ = passed
    task, out = outcome.folder.parent / "task.yaml", tmp_path / "run"
    command = [sys.executable, "-m", "suffice", "run", str(task), "--out", str(out), "--json"]
    environment = {**os.environ, "SUFFICE_HOME": str(tmp_path / "home")}
    for wait_s in (1.5, 3.0):
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(wait_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    facts = json.loads(done.stdout)
    assert outcome.facts.evidence.n == facts["evidence"]["n"]
    assert outcome.facts.chosen.fingerprint == facts["chosen"]["fingerprint"]
    assert 1 == facts["proof"]["look"]


def test_candidates_that_nothing_ranks_are_a_mistake_of_set_up(make_task, tmp_path):
    """Recorded rungs without a price cannot be ordered by cost: that is said, not called a failed bar."""
    rows = made_rows(300, reference_errs=0.1)
    task = make_task(rows, ladder="ladder: [{kind: recorded, name: other, answers: gpt}]\n")
    with pytest.raises(suffice.SufficeError, match="cost was not measured"):
        suffice.run(task, out=tmp_path / "run")


def test_a_margin_may_be_moved_without_making_anything_anew(make_task, tmp_path):
    """Only the bar changed: the artefacts are taken from the store, and the look is a further one."""
    task = make_task(made_rows(1200, reference_errs=0.1))
    first = suffice.run(task, out=tmp_path / "run")
    task.write_text(task.read_text().replace("margin: 0.02", "margin: 0.03"))
    heard = []
    again = suffice.run(task, out=tmp_path / "run", progress=lambda *work: heard.append(work[0]))
    assert first.facts.chosen.fingerprint == again.facts.chosen.fingerprint
    assert 2 == again.facts.proof.look
    assert not [what for what in heard if what.startswith(("make", "measure", "read"))]
