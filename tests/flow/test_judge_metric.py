"""The main job with a model as judge: alone, beside people's labels, in both orders, under a spend cap."""

import json
import random
import re

import pytest

import suffice
from suffice.bar import Verdict
from tests.flow.command_line import refused
from tests.flow.test_kinds import noise, written
from tests.flow.test_live import Server

pytestmark = pytest.mark.slow

TASK = """\
version: 1
name: told
kind: generate
data: rows.jsonl
target: want
splits: {{train: 0.02, dev: 0.38, certify: 0.6}}
{reference}
judge: {judge}
bars:
  quality: {quality}
ladder:
  - {{kind: recorded, name: small, answers: small, usd_per_1m_input: 0.1, usd_per_1m_output: 0.2}}
"""
REFERENCE = "reference: {answers: large, name: large, usd_per_1m_input: 2.5, usd_per_1m_output: 10.0}"
ABSOLUTE = "{metric: judge, target: absolute, at_least: 0.8}"
PAIRED = "{metric: judge, target: non_inferior, margin: 0.1}"


def told_rows(n, *, wrong=0.05, judge_errs=0.0, rated=0.0, seed=0):
    """Rows whose answers name a city in other words; a judge's verdicts, and people's labels of a share."""
    draw = random.Random(seed)
    rows = []
    for number in range(n):
        city = draw.choice(("Paris", "Rome", "Oslo", "Lima"))
        is_right = draw.random() >= wrong
        said = city if is_right else "Atlantis"
        row = {
            "text": f"{noise(draw)} which city? {noise(draw)} {number}",
            "want": city,
            "small": f"I would say {said} no{number}",
            "large": f"It is {city}, no{number}",
            "verdict": "correct" if is_right != (draw.random() < judge_errs) else "incorrect",
            "large_verdict": "correct",
        }
        if draw.random() < rated:
            row |= {"small_ok": int(is_right), "large_ok": 1}
        rows.append(row)
    return rows


def told(place, rows, *, judge, quality=ABSOLUTE, reference=""):
    """Returns a task file."""
    return written(place, rows, TASK.format(judge=judge, quality=quality, reference=reference))


def grades(text, _=None):
    """An endpoint's verdict: correct where the answer names the right city."""
    right, answer = re.findall(r"^==\w+== the (?:right answer|answer to judge)\n(.*)$", text, re.MULTILINE)
    return "Correct." if right in answer else "Incorrect."


RECORDED = "{name: overseer, verdicts: {small: verdict}}"


def test_a_judge_alone_is_certified_as_its_opinion(tmp_path, monkeypatch):
    """Statement, bar, report and certificate say whose word it is; no row counts as a label."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    outcome = suffice.run(told(tmp_path, told_rows(500), judge=RECORDED), out=tmp_path / "run")
    facts = outcome.facts
    assert (Verdict.PASS, "small") == (facts.verdict, facts.chosen.name)
    assert (0, facts.evidence.n) == (facts.evidence.labels, facts.evidence.judge_labels)
    assert "as the judge overseer alone sees it" in facts.task.target_text
    predicate = json.loads((outcome.folder / "certificate.json").read_text())["predicate"]
    assert "as the judge overseer alone sees it" in predicate["statement"]
    assert "an opinion and no truth" in predicate["distribution_note"]
    assert (0, True) == (predicate["labels"], predicate["judge_labels"] > 0)
    assert any("what it is worth is not measured" in note for note in facts.notes)
    assert any("no name tells which family" in note for note in facts.notes)
    page = (outcome.folder / "report.html").read_text()
    assert "no person has labelled any answer" in page
    assert f"0 labels (and {facts.evidence.n} of a judge, alone)" in page
    assert all(check.is_met for check in suffice.verify(outcome.folder))
    (tmp_path / "new.jsonl").write_text(json.dumps({"text": told_rows(500)[0]["text"]}) + "\n")
    suffice.predict(outcome.folder, tmp_path / "new.jsonl", tmp_path / "out.jsonl")
    assert told_rows(500)[0]["small"] == json.loads((tmp_path / "out.jsonl").read_text())["answer"]


def test_people_are_the_truth_and_the_judge_stands_beside_them(tmp_path, monkeypatch):
    """A quarter of the rows labelled: they are what the claim rests on, verdicts make them go further."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    rows = told_rows(1600, wrong=0.12, rated=0.25, judge_errs=0.03)
    judge = "{name: overseer, verdicts: {small: verdict}, human: {small: small_ok}}"
    facts = suffice.run(told(tmp_path, rows, judge=judge), out=tmp_path / "run").facts
    assert (Verdict.PASS, "small") == (facts.verdict, facts.chosen.name)
    assert 0 < facts.evidence.labels < facts.evidence.judge_labels
    assert facts.task.target_text.startswith("quality by human labels")
    notes = " ".join(facts.notes)
    assert re.search(
        r"it agrees with people on 9\d\.\d% \(.*, n \d+\) of dev answers, kappa 0\.\d\d \(", notes
    )
    assert "1 of 1 tests relied on its verdicts" in notes
    report = json.loads((tmp_path / "run" / "report.json").read_text())["judge"]
    assert ("overseer", "grade", False) == (report["name"], report["mode"], report["is_alone"])
    assert report["kappa"]["lower"] < report["kappa"]["value"] < report["kappa"]["upper"]
    assert None is report["first"]["value"]
    assert "small +0.0" in notes or "small -0.0" in notes
    assert all(check.is_met for check in suffice.verify(tmp_path / "run"))


def test_a_judge_that_says_yes_to_all_certifies_nothing_beside_people(tmp_path, monkeypatch):
    """Half of the answers are wrong: people's labels say so, and the report shows the judge's specificity."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    rows = [{**row, "verdict": "correct"} for row in told_rows(800, wrong=0.5, rated=0.3)]
    judge = "{name: overseer, verdicts: {small: verdict}, human: {small: small_ok}}"
    facts = suffice.run(told(tmp_path, rows, judge=judge), out=tmp_path / "run").facts
    assert Verdict.PASS is not facts.verdict
    assert any("of what they call wrong it calls wrong 0% (" in note for note in facts.notes)


def test_an_endpoint_judges_and_is_paid_once(tmp_path, monkeypatch):
    """Each question is asked once; the second run of the same task asks nothing."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    with Server(grades) as server:
        judge = f"{{openai: {{base_url: '{server.url}', model: overseer}}}}"
        task = told(tmp_path, told_rows(300), judge=judge)
        facts = suffice.run(task, out=tmp_path / "run").facts
        asked = sum(server.asked.values())
        assert asked == len(server.asked) >= facts.evidence.n
        assert asked < facts.data.dev + facts.data.certify
        again = suffice.run(task, out=tmp_path / "run").facts
        assert asked == sum(server.asked.values())
    assert (Verdict.PASS, Verdict.PASS) == (facts.verdict, again.verdict)
    assert facts.evidence == again.evidence
    assert 16 == server.bodies[0]["max_tokens"]


def test_two_answers_are_compared_in_both_orders(tmp_path, monkeypatch):
    """A judge that says A to everything ties all pairs: as good as the reference, and told as what it is."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    with Server(lambda *_: "A") as server:
        judge = f"{{mode: compare, openai: {{base_url: '{server.url}', model: overseer}}}}"
        task = told(tmp_path, told_rows(200), judge=judge, reference=REFERENCE, quality=PAIRED)
        facts = suffice.run(task, out=tmp_path / "run").facts
    notes = " ".join(facts.notes)
    assert re.search(r"100% \(.*n \d+\) of its verdicts on dev are for the answer that stood first", notes)
    assert "the order changed 100%" in notes
    assert 0.5 == facts.candidates[0].quality.estimate


def test_a_judge_of_the_same_family_is_no_evidence_alone(tmp_path, monkeypatch):
    """Both are named, with what to do; people's labels lift the ban."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    rows = told_rows(300, rated=0.4)
    judge = "{{name: Llama-3.1-70B, verdicts: {{small: verdict}}{more}}}"
    place = told(tmp_path, rows, judge=judge.format(more=""))
    place.write_text(
        place.read_text().replace("name: small", "name: llama-3.2-1b").replace("small: ", "llama-3.2-1b: ")
    )
    complaint = refused("run", place, "--out", tmp_path / "run")
    assert "'Llama-3.1-70B' and the candidate 'llama-3.2-1b' are both of the family Llama" in complaint
    assert "judge.human" in complaint
    place.write_text(place.read_text().replace("verdict}}", "verdict}, human: {llama-3.2-1b: small_ok}}"))
    assert suffice.run(place, out=tmp_path / "run").facts.evidence.labels > 0


def test_a_judge_that_costs_money_needs_a_cap_before_it_is_asked(tmp_path):
    """The refusal names what asking would cost at most, and nothing was asked."""
    with Server(grades) as server:
        judge = (
            f"{{openai: {{base_url: '{server.url}', model: overseer, usd_per_1m_input: 50, "
            "usd_per_1m_output: 100}}"
        )
        task = told(tmp_path, told_rows(200), judge=judge)
        assert "--max-usd" in refused("run", task, "--out", tmp_path / "run")
        assert "--max-usd" in refused("run", task, "--out", tmp_path / "run", "--max-usd", "0.01")
        assert 0 == sum(server.asked.values())


def test_unreadable_verdicts_are_counted_and_count_against_the_candidate(tmp_path, monkeypatch):
    """A judge that gives marks out of ten has said no verdict."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    rows = [{**row, "verdict": "9 of 10"} for row in told_rows(200)]
    facts = suffice.run(told(tmp_path, rows, judge=RECORDED), out=tmp_path / "run").facts
    assert Verdict.PASS is not facts.verdict
    assert any("could not be read, e.g. '9 of 10'" in note for note in facts.notes)


def test_a_judge_that_broke_down_is_asked_for_the_rest_alone(tmp_path, monkeypatch):
    """What it said is kept, though the run ended with an error."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    said = []

    def tires(text, _):
        said.append(text)
        return None if len(said) > 40 else grades(text)

    with Server(tires) as server:
        judge = f"{{openai: {{base_url: '{server.url}', model: overseer, max_retries: 0}}}}"
        task = told(tmp_path, told_rows(300), judge=judge)
        assert "the judge overseer did not answer" in refused("run", task, "--out", tmp_path / "run")
        kept = set(said[:40])
        said.clear()
        server._says = grades
        before = dict(server.asked)
        facts = suffice.run(task, out=tmp_path / "run").facts
        assert {text: before[text] for text in kept} == {text: server.asked[text] for text in kept}
    assert Verdict.PASS is facts.verdict


def test_a_missing_verdict_on_the_reference_counts_for_it(tmp_path, monkeypatch):
    """Else a candidate would gain by what the judge did not say."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    rows = [{**row, "large_verdict": "hm"} for row in told_rows(300)]
    judge = "{name: qwen-max, verdicts: {small: verdict, reference: large_verdict}}"
    reference = REFERENCE.replace("name: large", "name: qwen-72b")
    facts = suffice.run(
        told(tmp_path, rows, judge=judge, reference=reference, quality=PAIRED), out=tmp_path / "run"
    ).facts
    assert 1.0 == facts.reference.quality.estimate
    assert any("it may prefer the reference's answers" in note for note in facts.notes)


@pytest.mark.parametrize("human", ["", ", human: {small: small_ok}"])
def test_another_judge_is_another_look(tmp_path, monkeypatch, human):
    """Alone or beside people: what a judge is told is part of the test, and a second try has less budget."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    rows = told_rows(400, wrong=0.12, rated=0.25)
    looks = []
    for rubric in ("", ", rubric: Be strict.", ""):
        judge = f"{{name: overseer, verdicts: {{small: verdict}}{human}{rubric}}}"
        looks.append(
            suffice.run(told(tmp_path, rows, judge=judge), out=tmp_path / "run").facts.tests[0].alpha
        )
    assert [pytest.approx(0.04), pytest.approx(0.008), pytest.approx(0.04)] == looks


def test_where_people_labelled_all_the_judge_is_only_measured(tmp_path, monkeypatch):
    """It is asked about dev, to say what it is worth, and about no certify row."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    judge = "{name: overseer, verdicts: {small: verdict}, human: {small: small_ok}}"
    outcome = suffice.run(told(tmp_path, told_rows(300, rated=1.0), judge=judge), out=tmp_path / "run")
    facts = outcome.facts
    assert (Verdict.PASS, 0) == (facts.verdict, facts.evidence.judge_labels)
    assert (facts.data.dev, 1.0) == (facts.judge.verdicts, facts.judge.agreement.value)
    predicate = json.loads((outcome.folder / "certificate.json").read_text())["predicate"]
    assert "people labelled are taken to be a random part" in predicate["distribution_note"]
    assert predicate["statement"].startswith("small has quality by human labels of at least 80")
