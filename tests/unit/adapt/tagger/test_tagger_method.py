"""Making a tagger: what it aligns, which fields it sees, what it answers, what it refuses."""

import asyncio
import dataclasses
import json
import shutil

import pytest

from suffice.adapt.tagger.align import aligned
from suffice.adapt.tagger.fields import branches_of, fields_of, span_values
from suffice.adapt.tagger.method import TaggerMethod
from suffice.candidate import Candidate
from suffice.errors import ArtefactError, DataError, SpecError
from suffice.models import registry
from suffice.models.tagger import frame
from suffice.models.tagger.model import TaggerModel
from suffice.models.tagger.words import words_of
from suffice.ports import Request, TrainingRows
from suffice.task import Kind, Sample
from tests.contract import tiny


def test_values_are_found_in_the_text():
    """Longer values first, each at its first free place; what stands nowhere is named."""
    text = words_of("add new to the new hits now")
    tags, missing = aligned(text, [("0", "new"), ("1", "New  Hits"), ("2", "old")])
    assert ["O", "B-0", "O", "O", "B-1", "I-1", "O"] == tags
    assert [("2", "old")] == missing


def samples(*pairs):
    """Returns samples of (text, target)."""
    return [Sample(key=str(i), text=text, target=target) for i, (text, target) in enumerate(pairs)]


def test_fields_are_told_by_their_values():
    """Copied ones, categories, constants, numbers, lists, all in the schema's order."""
    rows = samples(
        *[
            (
                f"go to X{i} and Y{i} in {i} days",
                {"v": 1, "sort": ("a", "b")[i % 2], "to": [f"X{i}", f"Y{i}"], "inner": {"days": i}}
                | ({"mood": True} if i % 3 else {}),
            )
            for i in range(20)
        ]
    )
    schema = {
        "properties": {"to": {}, "inner": {"properties": {"days": {}}}, "sort": {}, "mood": {}, "v": {}}
    }
    found = {field.path: field for field in fields_of(rows, schema)}
    assert [("to",), ("inner", "days"), ("sort",), ("mood",), ("v",)] == list(found)
    assert ("span", "string", "list") == (found["to",].source, found["to",].type, found["to",].many)
    assert ("span", "integer", "first") == (
        found["inner", "days"].source,
        found["inner", "days"].type,
        found["inner", "days"].many,
    )
    assert ("category", ('"a"', '"b"')) == (found["sort",].source, found["sort",].values)
    assert ("category", ("null", "true")) == (found["mood",].source, found["mood",].values)
    assert ("constant", ("1",)) == (found["v",].source, found["v",].values)
    assert (("inner",),) == branches_of(rows)
    assert ["X3", "Y3"] == span_values(found["to",], rows[3].target)


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
    """A tagger of the tiny task."""
    out = tmp_path_factory.mktemp("tagger")
    TaggerMethod().apply(
        Candidate(name="tagger", kind="tagger", method="tagger"),
        tiny.EXTRACTION,
        out=out,
        teacher=None,
        seed=0,
        progress=lambda *_: None,
    )
    return out


def answers(model, texts):
    """Returns the model's answers."""
    return asyncio.run(model.answer([Request(text=text) for text in texts]))


def test_it_learns_the_tiny_task(folder):
    """Nearly all objects of unseen texts are right, and confidence is higher where they are."""
    rows = tiny.objects(80, seed=9)
    given = answers(registry.load(folder), [row.text for row in rows])
    right = [frame.same(json.loads(a.text), row.target) for a, row in zip(given, rows, strict=True)]
    assert sum(right) >= 72
    mean = sum(a.confidence for a in given) / len(given)
    assert abs(mean - sum(right) / len(right)) < 0.15


def test_an_object_that_does_not_fit_is_replaced(folder):
    """A schema may ask for more than fields and types; then the usual object is answered, and said so."""
    parts = registry.load(folder)._parts
    schema = {"type": "object", "properties": {"name": {"maxLength": 1}}}
    model = TaggerModel(dataclasses.replace(parts, schema=schema, fallback={"kind": "bill"}), name="strict")
    row = next(row for row in tiny.objects(20, seed=3) if "name" in row.target)
    answer = answers(model, [row.text])[0]
    assert ('{"kind":"bill"}', 0.0) == (answer.text, answer.confidence)
    assert "does not fit the schema" in answer.notes[0]


def test_a_very_long_text_is_read_in_part(folder):
    """And a note says so."""
    answer = answers(registry.load(folder), ["word " * 5000])[0]
    assert "only the first 4,096 words" in answer.notes[0]


def test_damaged_files_are_refused(folder, tmp_path):
    """A missing lexicon or setting is named."""
    place = shutil.copytree(folder, tmp_path / "copy")
    (place / "lexicon.json").write_text("{}")
    with pytest.raises(ArtefactError):
        registry.load(place)


@pytest.mark.parametrize(
    ("rows", "settings", "error", "words"),
    [
        (tiny.TRAINING, (), SpecError, "serves extract"),
        (
            TrainingRows(labels=(), train=tiny.objects(5, seed=1), dev=(), kind=Kind.EXTRACT),
            (),
            DataError,
            "5 train rows",
        ),
        (tiny.EXTRACTION, (("depth", 2),), SpecError, "'depth'"),
        (tiny.EXTRACTION, (("epochs", 0),), SpecError, "epochs is 0"),
    ],
)
def test_what_it_cannot_use_is_refused(rows, settings, error, words, tmp_path):
    """Another kind of task, too few rows, settings it does not have."""
    candidate = Candidate(name="t", kind="tagger", method="tagger", settings=settings)
    with pytest.raises(error, match=words):
        TaggerMethod().apply(candidate, rows, out=tmp_path, teacher=None, seed=0, progress=lambda *_: None)
