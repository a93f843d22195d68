"""The main job with few truths and a judge's labels: certified, verified, and said plainly."""

import json
import random

import pytest

import suffice
from suffice.bar import Verdict
from tests.flow.conftest import WORDS, made_rows

pytestmark = pytest.mark.slow


def judged_rows(n, *, judge_errs, labelled=0.2):
    """Rows of which one in six tells its label badly; few have a truth, all a judge's label."""
    draw = random.Random(11)
    rows = made_rows(n, reference_errs=0.1, seed=3)
    for number, row in enumerate(rows):
        truth = row["label"]
        if number % 6 == 0:
            row["text"] = f"please help again no{number} account question {number * 7919 % 1000}"
        row["judge"] = draw.choice(sorted(WORDS)) if draw.random() < judge_errs else truth
        if draw.random() > labelled:
            del row["label"]
    return rows


def with_judge(task):
    """Puts a judge into a task file in the reference's place."""
    lines = task.read_text().splitlines()
    told = ["judge: {answers: judge}" if line.startswith("reference:") else line for line in lines]
    task.write_text("\n".join(told) + "\n")
    return task


def test_a_judge_makes_few_truths_go_further(make_task, tmp_path, monkeypatch):
    """With the judge few truths certify the bar; both counts and the assumption are told."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    rows = judged_rows(3000, judge_errs=0.04)
    task = with_judge(make_task(rows, quality="{target: absolute, at_least: 0.8}"))
    outcome = suffice.run(task, out=tmp_path / "run")
    facts, evidence = outcome.facts, outcome.facts.evidence
    assert (Verdict.PASS, "linear") == (facts.verdict, facts.chosen.name)
    assert evidence.n == evidence.labels
    assert 2 * evidence.labels < evidence.judge_labels == evidence.calls
    assert all(check.is_met for check in suffice.verify(outcome.folder))
    predicate = json.loads((outcome.folder / "certificate.json").read_text())["predicate"]
    assert (evidence.search_labels, True) == (predicate["labels"], predicate["judge_labels"] > 0)
    assert "random part of the rows" in predicate["distribution_note"]
    assert any("no label of it counts as truth" in note for note in facts.notes)
    assert "of a judge" in (outcome.folder / "report.html").read_text()

    claim = json.loads((outcome.folder / "evidence.json").read_text())["tests"][0]
    assert ("bets_with_judge", evidence.n) == (claim["claim"]["kind"], len(claim["values"]))


def test_other_judge_labels_are_another_look(make_task, tmp_path, monkeypatch):
    """The judge is part of what was tested: the same rows with another judge spend the next look's budget."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    looks = []
    for errs in (0.04, 0.05):
        task = with_judge(
            make_task(judged_rows(700, judge_errs=errs), quality="{target: absolute, at_least: 0.8}")
        )
        looks.append(suffice.run(task, out=tmp_path / f"run{errs}").facts.tests[0].alpha)
    assert [pytest.approx(0.04), pytest.approx(0.008)] == looks


def test_a_judge_without_rows_of_its_own_is_told(make_task, tmp_path, monkeypatch):
    """Where nearly all rows have a truth the judge has nothing to add; the run is as without it."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    rows = judged_rows(900, judge_errs=0.04, labelled=0.9)
    task = with_judge(make_task(rows, quality="{target: absolute, at_least: 0.7}"))
    facts = suffice.run(task, out=tmp_path / "run").facts
    assert (Verdict.PASS, 0) == (facts.verdict, facts.evidence.judge_labels)
    assert any("its labels were not used" in note for note in facts.notes)


def test_a_judge_that_tosses_coins_is_told(make_task, tmp_path, monkeypatch):
    """Dev shows it to be worthless: the test is made without it, and the run says so."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    rows = judged_rows(900, judge_errs=1.0)
    task = with_judge(make_task(rows, quality="{target: absolute, at_least: 0.7}"))
    facts = suffice.run(task, out=tmp_path / "run").facts
    assert (0, facts.evidence.labels) == (facts.evidence.judge_labels, facts.evidence.calls)
    assert any("no test relied on its labels" in note for note in facts.notes)
