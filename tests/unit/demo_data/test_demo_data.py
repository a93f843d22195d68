"""The shipped demo data: rebuilt from their sources, distinct, grouped, and read by the task reader."""

import json
import math
import re
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from suffice.readers.task_file import read_spec
from tools import build_demo_data as build

SHIPPED = build.TARGET


@cache
def rows(name):
    """The shipped rows of one file."""
    return [json.loads(line) for line in (SHIPPED / name).read_text(encoding="utf-8").splitlines()]


@cache
def sources():
    """The hand-written messages."""
    return build.messages(build.SOURCES)


def normalised(text):
    """The text without case and punctuation."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def grams(text):
    """The set of a normalised text's character 5-grams."""
    padded = f" {normalised(text)} "
    return {padded[at : at + 5] for at in range(max(1, len(padded) - 4))}


def test_both_files_are_what_the_builder_makes():
    """The shipped bytes are the builder's output from the shipped sources."""
    made = {"tickets.jsonl": build.tickets(sources()), "urgency.jsonl": build.urgencies(sources())}
    for name, expected in made.items():
        assert build.as_jsonl(expected) == (SHIPPED / name).read_text(encoding="utf-8")


def test_sources_hold_enough_messages_of_every_intent():
    """At least 1,000 in-scope messages over 24 to 28 intents, 30 or more each, and 100 out-of-scope ones."""
    counts = Counter(message.label for message in sources())
    outside = counts.pop("out_of_scope")
    assert outside >= 100
    assert sum(counts.values()) >= 1000
    assert 24 <= len(counts) <= 28
    assert min(counts.values()) >= 30


def test_handwritten_messages_are_distinct():
    """No two hand-written messages are equal once case and punctuation are taken away."""
    counts = Counter(normalised(message.text) or message.text for message in sources())
    assert [] == [text for text, count in counts.items() if count > 1]


def test_no_two_handwritten_messages_are_nearly_the_same():
    """Character 5-gram Jaccard similarity stays below 0.7 for every pair of hand-written messages.

    Sets that similar share one of their rarest grams (prefix filter: Chaudhuri et al. 2006), so only
    messages that meet there are compared.
    """
    sets = [grams(message.text) for message in sources()]
    counts = Counter(gram for one in sets for gram in one)
    met = defaultdict(list)
    for one in sorted(sets, key=len):
        rarest = sorted(one, key=lambda gram: (counts[gram], gram))[
            : len(one) - math.ceil(0.7 * len(one)) + 1
        ]
        near = {id(other): other for gram in rarest for other in met[gram]}
        assert [] == [other for other in near.values() if len(one & other) >= 0.7 * len(one | other)]
        for gram in rarest:
            met[gram].append(one)


def test_a_group_is_one_message_and_its_variations():
    """Every group has one label and one hand-written text; no text is in two rows."""
    written = {message.group: message for message in sources()}
    texts = Counter(row["text"] for row in rows("tickets.jsonl"))
    assert max(texts.values()) == 1
    assert set(written) == {row["group"] for row in rows("tickets.jsonl")}
    for row in rows("tickets.jsonl"):
        assert row.get("label", written[row["group"]].label) == written[row["group"]].label


def test_rows_carry_the_fields_the_task_names():
    """Each row has id, text, group, reference answer and time of receipt; ids are unique, times ascend."""
    for name in ("tickets.jsonl", "urgency.jsonl"):
        assert all({"id", "text", "group", "reference_answer", "received"} <= set(row) for row in rows(name))
        assert len({row["id"] for row in rows(name)}) == len(rows(name))
        assert all(one["received"] <= other["received"] for one, other in pairwise(rows(name)))


def test_some_labels_are_missing_as_in_life():
    """About one row in eight has no label, in scope and outside alike."""
    unlabelled = sum("label" not in row for row in rows("tickets.jsonl")) / len(rows("tickets.jsonl"))
    assert 0.10 < unlabelled < 0.14


def test_the_data_stay_small():
    """The whole folder is below one megabyte."""
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) < 1_000_000


@pytest.mark.parametrize("name", ["tickets", "urgency"])
def test_task_files_are_read(name):
    """The task reader takes both task files, and the data file each names is beside it."""
    spec = read_spec(SHIPPED / f"{name}.yaml")
    assert name == spec.name
    assert (SHIPPED / f"{name}.jsonl").is_file()
    assert "group" == spec.group


def test_sources_hold_one_message_a_line():
    """Every source line is a comment or an urgency mark, a bar and a text without stray spaces."""
    for path in sorted(Path(build.SOURCES).glob("*.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert line.startswith("#") or re.fullmatch(r"[lnh]\| \S(.*\S)?", line), (path.name, line)


def test_the_reference_is_as_good_as_the_readme_says():
    """The imaginary model's accuracy and the row counts are the ones in the data's README."""
    both = [row for row in rows("tickets.jsonl") if "label" in row]
    right = sum(row["label"] == row["reference_answer"] for row in both)
    readme = (SHIPPED / "README.md").read_text(encoding="utf-8")
    assert f"right on {right / len(both):.1%} of the labelled rows ({right:,} of {len(both):,})" in readme
    assert f"| `tickets.jsonl` | {len(rows('tickets.jsonl')):,} |" in readme
    assert f"| `urgency.jsonl` | {len(rows('urgency.jsonl')):,} |" in readme
    assert f"{len(sources()):,} distinct messages" in readme


def test_the_reference_keeps_a_variation_mostly_with_its_original():
    """Nine in ten variations or more share the answer of the message they were made from."""
    answers = {row["id"]: row["reference_answer"] for row in rows("tickets.jsonl")}
    pairs = [(answer, answers[key[:-1] + "0"]) for key, answer in answers.items() if not key.endswith("-0")]
    assert sum(one == other for one, other in pairs) > 0.9 * len(pairs)
