"""A live reference for a task that extracts: it is told the schema, and its JSON is compared as objects."""

import json
import re

import pytest

import suffice
from suffice.bar import Verdict
from tests.flow.test_kinds import forecasts, written
from tests.flow.test_live import Server

pytestmark = pytest.mark.slow

TASK = """\
version: 1
name: live-forecasts
kind: extract
data: rows.jsonl
target: want
instruction: Say which forecast is asked for.
splits: {{train: 0.2, dev: 0.3, certify: 0.5}}
reference: {{name: big, openai: {{base_url: '{url}', model: big}}}}
bars: {{quality: {{target: non_inferior, margin: 0.1}}}}
ladder: [{{kind: tagger}}]
"""


def says(text, _):
    """Returns what the reference finds in a message, with its own order of keys and blanks."""
    city = re.search(r"\b[A-Z][a-z]+\b", text).group()
    days = re.search(r"(\d) days", text).group(1)
    return json.dumps({"slots": {"days": int(days), "city": city}, "intent": "forecast"}, indent=1)


def test_a_tagger_is_held_against_a_live_reference(tmp_path):
    """Where both give the same object no label is needed; the system message holds instruction and schema."""
    with Server(says) as server:
        task = written(tmp_path, forecasts(600), TASK.format(url=server.url))
        facts = suffice.run(task, out=tmp_path / "run").facts
    assert (Verdict.PASS, "tagger") == (facts.verdict, facts.chosen.name)
    assert facts.evidence.labels < facts.evidence.n
    assert facts.reference.quality.estimate == 1
    told = server.bodies[0]["messages"][0]["content"]
    assert told.startswith("Say which forecast is asked for.\nAnswer with one JSON object")
    assert '"city":{"type":"string"}' in told
    (tmp_path / "new.jsonl").write_text('{"text": "abc Rome xyz 3 days 7"}\n')
    suffice.predict(tmp_path / "run", tmp_path / "new.jsonl", tmp_path / "out.jsonl")
    answer = json.loads((tmp_path / "out.jsonl").read_text())
    assert {"intent": "forecast", "slots": {"city": "Rome", "days": 3}} == answer["answer"]
