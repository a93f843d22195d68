"""The schema of an extract task: read, refused, inferred."""

import json
from pathlib import Path

import pytest

from suffice.errors import DataError, SpecError
from suffice.readers.inferred_schema import fields_in_words, inferred
from suffice.readers.load import load
from suffice.readers.task_file import spec_of
from suffice.task import Sample

TASK = {
    "version": 1,
    "name": "x",
    "kind": "extract",
    "data": "rows.jsonl",
    "target": "want",
    "bars": {"quality": {"target": "absolute", "at_least": 0.9}},
}


def test_a_schema_stands_in_the_file_or_beside_it(tmp_path: Path) -> None:
    """Both ways arrive as the same mapping, and survive being written into a bundle."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    inline = spec_of(TASK | {"schema": schema}, base=tmp_path)
    beside = spec_of(TASK | {"schema": "schema.json"}, base=tmp_path)
    assert schema == inline.answer_schema == beside.answer_schema
    assert schema == spec_of(inline.model_dump(mode="json"), base=tmp_path / "elsewhere").answer_schema


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "objekt"}, "'schema.type' is 'objekt': no JSON Schema"),
        ({"properties": {"a": {"minLength": "x"}}}, "'schema.properties.a.minLength' is 'x'"),
        ({"type": "array"}, "an extract task answers with an object"),
        ({"$ref": "http://127.0.0.1/x"}, "nothing is fetched from elsewhere"),
        ("missing.json", "missing.json cannot be read"),
        ("broken.json", "broken.json is not JSON"),
        (["a"], "not a JSON Schema"),
    ],
)
def test_what_is_no_schema_is_refused(tmp_path: Path, schema: object, message: str) -> None:
    """The complaint names the place and the value."""
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(SpecError) as caught:
        spec_of(TASK | {"schema": schema}, base=tmp_path)
    assert message in caught.value.message
    assert caught.value.hint


def test_a_schema_belongs_to_extract() -> None:
    """Other kinds of task have none."""
    with pytest.raises(SpecError, match="belongs to kind extract"):
        spec_of(TASK | {"kind": "generate", "schema": {"type": "object"}}, base=Path())


@pytest.mark.parametrize(
    ("kind", "quality", "message"),
    [
        ("extract", {"metric": "accuracy"}, "metric accuracy does not go with kind extract"),
        ("classify", {"ignore_case": True}, "'ignore_case' belongs to metric"),
        ("generate", {"metric": "regex"}, "metric regex needs 'pattern'"),
        ("generate", {"metric": "regex", "pattern": "("}, "is no regular expression"),
        ("generate", {"metric": "rouge_l", "tolerance": 1.0}, "'tolerance' belongs to metric numeric_match"),
    ],
)
def test_metrics_go_with_their_kind(kind: str, quality: dict[str, object], message: str) -> None:
    """A metric of another kind, or a key of another metric, is named."""
    bars = {"quality": {"target": "absolute", "at_least": 0.9, **quality}}
    with pytest.raises(SpecError, match=message.replace("(", r"\(")):
        spec_of(TASK | {"kind": kind, "bars": bars}, base=Path())


def rows(*targets: dict[str, object], text: str = "off to Rome") -> list[Sample]:
    """Returns samples of these targets."""
    return [Sample(key=str(i), text=text, target=target) for i, target in enumerate(targets)]


def test_a_schema_is_inferred() -> None:
    """Types, fields that always stand, and lists of values that are not copied from the text."""
    targets = [{"intent": "fly" if i % 2 else "stay", "to": "Rome", "days": i} for i in range(20)]
    found = inferred(rows(*targets, {"intent": "fly", "days": 1.5}))
    assert ["intent", "days"] == found["required"]
    assert {"type": "string", "enum": ["fly", "stay"]} == found["properties"]["intent"]
    assert ({"type": "string"}, {"type": "number"}) == (
        found["properties"]["to"],
        found["properties"]["days"],
    )
    assert ["intent (one of 2)", "to (string)", "days (number)"] == list(fields_in_words(found))


def test_what_does_not_fit_is_found(tmp_path: Path) -> None:
    """Truths outside the schema are counted and shown, for every split."""
    lines = [
        {"text": f"text number {i} {'abcdefgh'[i % 8] * 9}", "want": {"a": "x" if i else 3}}
        for i in range(60)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    loaded = load(spec_of(TASK | {"schema": schema}, base=tmp_path))
    found = [finding for finding in loaded.findings if "do not fit the schema" in finding.what]
    assert 1 == sum(finding.count for finding in found)
    assert "$.a: 3 is not of type 'string'" in found[0].examples[0]


@pytest.mark.parametrize(
    ("want", "message"), [("[1]", "not a JSON object"), ("{", "holds no JSON"), (5, "not a JSON object")]
)
def test_a_truth_that_is_no_object_names_its_line(tmp_path: Path, want: object, message: str) -> None:
    """The file and line are in the complaint."""
    (tmp_path / "rows.jsonl").write_text(json.dumps({"text": "one", "want": want}) + "\n")
    with pytest.raises(DataError) as caught:
        load(spec_of(TASK, base=tmp_path))
    assert message in caught.value.message
    assert "line 1" in caught.value.message or ":1" in caught.value.message
