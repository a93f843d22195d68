"""A recorded small model before a recorded large one: the gate learns which requests to pass up."""

import json
import random

import pytest

import suffice
from suffice.bar import Verdict

pytestmark = pytest.mark.slow

EASY = ("capital city", "spell the word", "name a colour", "opposite of hot")
HARD = ("prove the lemma", "integrate by parts", "sum of squares", "eigenvalues of")
NAMES = ("yes", "no")


def made_exchanges(n, seed=0):
    """Returns rows: both models err on 5% of easy questions, on hard ones the small one on 45%."""
    draw = random.Random(seed)
    rows = []
    for number in range(n):
        hard = draw.random() < 0.4
        truth = draw.choice(NAMES)
        other = NAMES[truth == NAMES[0]]
        words = draw.choice(HARD if hard else EASY)
        rows.append(
            {
                "text": f"{words} {draw.choice('abcdefgh')} no{number}x{draw.randrange(10**6)}",
                "truth": truth,
                "small": other if draw.random() < (0.45 if hard else 0.04) else truth,
                "large": other if draw.random() < 0.05 else truth,
            }
        )
    return rows


def test_recorded_models_are_routed_by_the_gain(tmp_path, monkeypatch):
    """Alone the small model misses the bar by far; behind its gate it keeps the easy requests, proven."""
    monkeypatch.setenv("SUFFICE_HOME", str(tmp_path / "home"))
    lines = [json.dumps(row) + "\n" for row in made_exchanges(2400)]
    (tmp_path / "rows.jsonl").write_text("".join(lines))
    (tmp_path / "task.yaml").write_text(
        "version: 1\nname: routed\nkind: classify\ndata: rows.jsonl\ninput: text\ntarget: truth\n"
        "reference: {answers: large, usd_per_1m_input: 10, usd_per_1m_output: 30}\n"
        "bars: {quality: {target: non_inferior, margin: 0.05}}\n"
        "ladder: [{kind: recorded, name: small, answers: small, usd_per_1m_input: 1, usd_per_1m_output: 1}]\n"
    )
    facts = suffice.run(tmp_path / "task.yaml", out=tmp_path / "run").facts
    assert Verdict.PASS == facts.verdict
    assert "cascade" == facts.chosen.kind
    assert any("small passes requests up where a gate expects a gain" in note for note in facts.notes)
    assert all(check.is_met for check in suffice.verify(tmp_path / "run"))
