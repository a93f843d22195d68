"""The main job for tasks that extract and generate, with recorded models, from task file to verify."""

import json
import random

import pytest

import suffice
from suffice.bar import Verdict

pytestmark = pytest.mark.slow
CITIES = ("Paris", "Rome", "Oslo", "Lima", "Cairo", "Quito")


def noise(draw):
    """Returns words of chance letters: rows must not be near-duplicates."""
    return " ".join("".join(draw.choices("abcdefghijklmnoprstuvw", k=6)) for _ in range(4))


def forecasts(n, *, large=0.02, small=0.04, seed=0):
    """Returns requests for a forecast, the object wanted, and what a large and a small model recorded."""
    draw = random.Random(seed)
    rows = []
    for number in range(n):
        city, day = draw.choice(CITIES), draw.randrange(1, 9)
        want = {"intent": "forecast", "slots": {"city": city, "days": day}}
        wrong = {"intent": "forecast", "slots": {"city": city}}
        # The large model writes keys in another order, and a float; the small one a code fence.
        right = {"slots": {"days": float(day), "city": f" {city}"}, "intent": "forecast"}
        rows.append(
            {
                "text": f"{noise(draw)} {city} {noise(draw)} {day} days {number}",
                "want": want,
                "large": right if draw.random() >= large else wrong,
                "small": f"```json\n{json.dumps(want)}\n```" if draw.random() >= small else "I cannot say.",
            }
        )
    return rows


def written(place, rows, text):
    """Returns a task file written beside its rows."""
    place.mkdir(parents=True, exist_ok=True)
    (place / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (place / "task.yaml").write_text(text)
    return place / "task.yaml"


EXTRACT = """\
version: 1
name: forecasts
kind: extract
data: rows.jsonl
target: want
splits: {{train: 0.02, dev: 0.38, certify: 0.6}}
reference: {{answers: large, name: large, usd_per_1m_input: 2.5, usd_per_1m_output: 10.0}}
bars:
  quality: {quality}
ladder:
  - {{kind: recorded, name: small, answers: small, usd_per_1m_input: 0.1, usd_per_1m_output: 0.2}}
"""


@pytest.mark.parametrize(
    "quality",
    [
        "{target: non_inferior, margin: 0.08}",
        "{metric: field_f1, target: non_inferior, margin: 0.08}",
        "{metric: field_f1, target: absolute, at_least: 0.9}",
        "{target: agreement, at_most: 0.12}",
    ],
)
def test_a_recorded_model_is_certified_for_extraction(tmp_path, quality):
    """Objects are compared as such: key order, 3 and 3.0 and a code fence do not count."""
    outcome = suffice.run(
        written(tmp_path, forecasts(900), EXTRACT.format(quality=quality)), out=tmp_path / "run"
    )
    assert (Verdict.PASS, "small") == (outcome.facts.verdict, outcome.facts.chosen.name)
    assert all(check.is_met for check in suffice.verify(tmp_path / "run"))
    assert any("schema inferred" in finding for finding in outcome.facts.data.findings)
    dev, certify = outcome.facts.extraction
    assert ("dev", "certify") == (dev.split, certify.split)
    assert {"intent", "slots.city", "slots.days"} == {field.name for field in certify.fields}
    assert 0.9 < certify.valid_json.lower < certify.valid_json.estimate < certify.valid_json.upper < 1
    assert certify.micro.precision.estimate == 1
    assert "all fields" in (tmp_path / "run" / "report.html").read_text()


def test_answers_of_an_extraction_are_predicted_and_the_bundle_opens(tmp_path):
    """`predict` gives the objects recorded for the rows it knows, a code fence taken off."""
    rows = forecasts(900)
    task = written(tmp_path, rows, EXTRACT.format(quality="{target: agreement, at_most: 0.2}"))
    suffice.run(task, out=tmp_path / "run")
    (tmp_path / "new.jsonl").write_text(json.dumps({"text": rows[0]["text"]}) + "\n")
    suffice.predict(tmp_path / "run", tmp_path / "new.jsonl", tmp_path / "out.jsonl")
    assert rows[0]["want"] == json.loads((tmp_path / "out.jsonl").read_text())["answer"]


GENERATE = """\
version: 1
name: sums
kind: generate
data: rows.jsonl
target: want
splits: {{train: 0.02, dev: 0.38, certify: 0.6}}
reference: {{answers: large, name: large, usd_per_1m_input: 2.5, usd_per_1m_output: 10.0}}
bars:
  quality: {quality}
ladder:
  - {{kind: recorded, name: small, answers: small, usd_per_1m_input: 0.1, usd_per_1m_output: 0.2}}
"""


@pytest.mark.parametrize(
    "quality",
    [
        "{metric: numeric_match, target: non_inferior, margin: 0.08}",
        "{metric: regex, pattern: 'is \\$([0-9,.]*[0-9])', target: absolute, at_least: 0.8}",
    ],
)
def test_a_recorded_model_is_certified_for_generation(tmp_path, quality):
    """Texts are worth what their metric says: here the number they end in."""
    draw = random.Random(3)
    rows = []
    for number in range(700):
        total = draw.randrange(1000, 9999)
        rows.append(
            {
                "text": f"{noise(draw)} {total - 7} {noise(draw)} and 7? {number}",
                "want": f"{total:,}",
                "large": f"{total - 7} + 7 is ${total:,}.",
                "small": f"It is ${total:,}" if draw.random() > 0.03 else f"It is ${total - 1:,}",
            }
        )
    outcome = suffice.run(written(tmp_path, rows, GENERATE.format(quality=quality)), out=tmp_path / "run")
    assert (Verdict.PASS, "small") == (outcome.facts.verdict, outcome.facts.chosen.name)
    assert () == outcome.facts.extraction
    assert all(check.is_met for check in suffice.verify(tmp_path / "run"))


def test_an_agreement_of_small_models_passes_up_where_they_differ(tmp_path):
    """Two small models that err apart are trusted where they agree; the rest goes to the reference."""
    draw = random.Random(5)
    rows = []
    for number in range(900):
        total = draw.randrange(1000, 9999)
        row = {"text": f"{noise(draw)} {noise(draw)} {number}", "want": str(total), "large": f"it is {total}"}
        for name in ("small", "other"):
            row[name] = f"{total}" if draw.random() > 0.2 else f"{draw.randrange(1000, 9999)}"
        rows.append(row)
    text = GENERATE.format(quality="{metric: numeric_match, target: non_inferior, margin: 0.05}")
    text += (
        "  - {kind: recorded, name: other, answers: other, usd_per_1m_input: 0.1, usd_per_1m_output: 0.2}\n"
        "  - {kind: agreement, name: both, members: [small, other]}\n"
    )
    facts = suffice.run(written(tmp_path, rows, text), out=tmp_path / "run").facts
    assert Verdict.PASS is facts.verdict
    assert facts.chosen.name.startswith("both -> reference")
    assert 0.2 < facts.escalation.rate < 0.5
    assert all(check.is_met for check in suffice.verify(tmp_path / "run"))


def test_a_member_must_be_a_candidate(tmp_path):
    """The one that is not is named."""
    text = EXTRACT.format(quality="{target: agreement, at_most: 0.2}")
    text += "  - {kind: agreement, name: both, members: [small, smal]}\n"
    with pytest.raises(suffice.SufficeError, match="'smal', which is no plain candidate"):
        suffice.run(written(tmp_path, forecasts(200), text), out=tmp_path / "run")


def test_code_is_worth_its_tests(tmp_path):
    """Answers that are Python are run with the row's tests; the report says how they were fenced in."""
    draw = random.Random(7)
    rows = [
        {
            "text": f"{noise(draw)} {noise(draw)} {number}",
            "want": f"assert f(2) == {2 + number}",
            "large": f"def f(x):\n    return x + {number}",
            "small": f"```python\ndef f(x):\n    return {number} + x\n```",
        }
        for number in range(36)
    ]
    quality = "{metric: unit_tests, target: absolute, at_least: 0.5}"
    facts = suffice.run(written(tmp_path, rows, GENERATE.format(quality=quality)), out=tmp_path / "run").facts
    assert (Verdict.PASS, "small") == (facts.verdict, facts.chosen.name)
    assert any("in a process of its own" in note for note in facts.notes)
