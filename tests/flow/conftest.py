"""A small made task: messages of few words, which a linear model learns well and a reference errs on."""

import json
import random

import pytest

WORDS = {
    "refund": ("money back", "refund", "reimburse", "paid twice", "return my payment"),
    "login": ("password", "log in", "locked out", "sign in", "two-factor code"),
    "delivery": ("parcel", "courier", "late package", "tracking", "shipment"),
    "invoice": ("invoice", "receipt", "bill copy", "tax document", "billing pdf"),
}
FILLERS = [
    "please",
    "hello",
    "team",
    "today",
    "again",
    "still",
    "my",
    "the",
    "about",
    "since",
    "monday",
    "order",
    "account",
    "question",
    "help",
]


def made_rows(n, *, reference_errs, seed=0, unlabelled=0.0):
    """Returns rows with text, label (missing on a share), and a reference's recorded answer."""
    draw = random.Random(seed)
    rows = []
    for number in range(n):
        label = draw.choice(sorted(WORDS))
        words = [*draw.sample(FILLERS, 5), draw.choice(WORDS[label]), f"no{draw.randrange(10**6)}"]
        draw.shuffle(words)
        errs = draw.random() < reference_errs
        answer = draw.choice([name for name in sorted(WORDS) if name != label]) if errs else label
        row = {"id": number, "text": " ".join(words), "gpt": answer}
        if draw.random() >= unlabelled:
            row["label"] = label
        rows.append(row)
    return rows


TASK = """\
version: 1
name: made
kind: classify
data: rows.jsonl
input: text
target: label
reference: {{answers: gpt, usd_per_1m_input: 2.5, usd_per_1m_output: 10.0, latency_ms: 600}}
bars:
  quality: {quality}
{limits}
ladder:
  - {{kind: linear, name: linear}}
"""


@pytest.fixture(name="make_task")
def _make_task(tmp_path):
    """Writes rows and a task file beside one another, and returns the task file."""

    def make(rows, *, quality="{target: non_inferior, margin: 0.02}", limits="", ladder=None):
        (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        text = TASK.format(quality=quality, limits=limits)
        if ladder is not None:
            text = text[: text.index("ladder:")] + ladder
        (tmp_path / "task.yaml").write_text(text)
        return tmp_path / "task.yaml"

    return make
