"""The main job with one exact test at a fixed number of rows."""

import json

import pytest

import suffice
from suffice.bar import Verdict
from tests.flow.conftest import made_rows

pytestmark = pytest.mark.slow


def once(task):
    """Asks a task file for one look at all rows."""
    task.write_text(task.read_text() + "test: fixed_n\n")
    return task


def test_one_look_certifies_where_bets_run_out_of_rows(make_task, tmp_path, monkeypatch):
    """The same rows: inconclusive by bets; certified and verified by the one exact test."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    rows = made_rows(420, reference_errs=0.0, seed=4)
    for number, row in enumerate(rows):
        if number % 12 == 0:
            row["label"] = "refund"  # truth that the text does not tell
    task = make_task(rows, quality="{target: absolute, at_least: 0.81}")
    by_bets = suffice.run(task, out=tmp_path / "bets").facts
    assert Verdict.INCONCLUSIVE is by_bets.verdict
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "another"))
    outcome = suffice.run(once(task), out=tmp_path / "once")
    facts = outcome.facts
    assert Verdict.PASS is facts.verdict
    assert facts.evidence.e_value is None
    assert all(check.is_met for check in suffice.verify(outcome.folder))
    predicate = json.loads((outcome.folder / "certificate.json").read_text())["predicate"]
    assert "tested once, on all rows" in predicate["distribution_note"]
    chosen = next(test for test in predicate["tests"] if test["hypothesis"] == predicate["chosen"])
    assert chosen["p_value"] <= 0.04


def test_switching_after_a_look_is_a_further_look(make_task, tmp_path, monkeypatch):
    """The test is part of the look: choosing the other one after seeing the rows has less to spend."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    task = make_task(made_rows(300, reference_errs=0.1, seed=4))
    suffice.run(task, out=tmp_path / "run")
    again = suffice.run(once(task), out=tmp_path / "run").facts
    assert [pytest.approx(0.008)] == [test.alpha for test in again.tests]


def test_few_truths_are_refused(make_task, tmp_path, monkeypatch):
    """With a truth on a third of the rows the exact test has nothing to stand on."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    task = once(make_task(made_rows(600, reference_errs=0.1, unlabelled=0.7)))
    with pytest.raises(suffice.SufficeError, match="fewer than half of the certify rows have a truth"):
        suffice.run(task, out=tmp_path / "run")
