"""The method tiny: from rows to a sealed GGUF file."""

from dataclasses import replace
from pathlib import Path

import pytest

from suffice import fingerprint
from suffice.adapt.decoder.scratch import tiny
from suffice.candidate import Candidate
from suffice.errors import DataError, SpecError
from suffice.ledger.home import home
from suffice.models import artefact
from suffice.models.prompt import Prompt
from suffice.ports import TrainingRows
from suffice.task import Kind, Sample
from tests.unit.adapt import toy_desk
from tests.unit.adapt.decoder import toy_frames

pytest.importorskip("torch")
pytestmark = pytest.mark.train


def _candidate(**settings: float | str) -> Candidate:
    given = {"depth": 2, "epochs": 1, "threads": 1, "type": "f16"} | settings
    return Candidate(name="small", kind="gguf", method="tiny", settings=tuple(sorted(given.items())))


def _apply(candidate: Candidate, rows: TrainingRows, out: Path) -> None:
    out.mkdir()
    tiny.TinyMethod().apply(candidate, rows, out=out, teacher=None, seed=1, progress=toy_desk.hear_nothing)


@pytest.mark.slow
def test_the_folder_is_sealed_and_says_how_it_is_asked(tmp_path: Path):
    """Kind, task, prompt, limits and the true size are in it; no state of the training stays behind."""
    pytest.importorskip("conversion")
    _apply(_candidate(), toy_frames.rows(), tmp_path / "out")
    opened = artefact.unseal(tmp_path / "out")
    assert ("gguf", {"model.gguf", "model.json"}) == (
        opened.kind,
        {path.name for path in (tmp_path / "out").iterdir()},
    )
    assert "small" == opened.settings["name"]
    assert {"kind": "extract", "labels": [], "schema": toy_frames.SCHEMA} == opened.settings["task"]
    assert Prompt(schema=toy_frames.SCHEMA) == Prompt.from_json(opened.settings["prompt"])
    limits = opened.settings["limits"]
    assert 256 == limits["context_tokens"]
    assert 8 <= limits["max_answer_tokens"] <= 64
    assert (120, 40) == tuple(opened.settings["training"][name] for name in ("train_rows", "dev_rows"))
    assert [] == list((home() / "training").iterdir())


def test_few_rows_are_refused_with_the_number(tmp_path: Path):
    """One row, or too few of each label: the message says how many it would want."""
    with pytest.raises(DataError, match="wants at least 60 train rows with a target; there is 1"):
        _apply(_candidate(), toy_frames.rows(1), tmp_path / "one")
    many = toy_desk.rows(70, labels=(*toy_desk.LABELS, *"abcdefgh"))
    with pytest.raises(DataError, match="wants at least 96 train rows with a target; there are 70"):
        _apply(_candidate(), many, tmp_path / "labels")


def test_a_row_that_is_too_long_is_named(tmp_path: Path):
    """The error names where the row stands, its tokens, and the most that can be read."""
    rows = toy_frames.rows()
    long = Sample(key="k", text="pay Ann " * 2000, target=rows.train[0].target, source="rows.jsonl:7")
    with pytest.raises(DataError, match=r"rows.jsonl:7\) has [\d,]+ tokens; .* at most 2,048"):
        _apply(_candidate(), replace(rows, train=[*rows.train, long]), tmp_path / "out")


@pytest.mark.parametrize(
    ("setting", "words"),
    [({"depth": 5}, "depth 5 is not offered"), ({"epochs": "many"}, "epochs must be a number, not 'many'")],
)
def test_a_wrong_setting_is_named(tmp_path: Path, setting: dict[str, float | str], words: str):
    """The error names the setting and its value."""
    with pytest.raises(SpecError, match=words):
        _apply(_candidate(**setting), toy_frames.rows(), tmp_path / "out")


def test_an_unknown_type_is_named_before_any_training(tmp_path: Path):
    """The error lists the types there are."""
    with pytest.raises(SpecError, match="the type 'q7' is unknown; known are bf16, f16, f32, q8_0"):
        _apply(_candidate(type="q7"), toy_frames.rows(), tmp_path / "out")


def test_rows_vary_from_epoch_to_epoch_and_not_from_run_to_run():
    """Extract swaps values, classify leaves words out; the same epoch gives the same rows."""
    for rows in (toy_frames.rows(), toy_desk.rows()):
        lesson = tiny.tiny_lesson(_candidate(), rows)
        varied = tiny.variations(lesson, seed=1)
        first, again, second = ([tuple(one.ids.tolist()) for one in varied(epoch)] for epoch in (0, 0, 1))
        assert first == again
        assert first != second
        plain = tiny.variations(tiny.tiny_lesson(_candidate(swap=0.0, word_dropout=0.0), rows), seed=1)
        assert plain(0) == plain(1)


def test_the_lesson_of_each_kind_ends_with_the_answer():
    """A label, a frame or a text is said after the document, and then the end."""
    text = Sample(key=fingerprint.of_text("hi"), text="say hello to them", target="hello to them")
    generate = TrainingRows(labels=(), train=[text] * 60, dev=[text] * 30, kind=Kind.GENERATE)
    for rows, wanted in (
        (toy_desk.rows(), toy_desk.rows().train[0].target),
        (toy_frames.rows(), lesson_answer(toy_frames.rows())),
        (generate, "hello to them"),
    ):
        lesson = tiny.tiny_lesson(_candidate(), rows)
        row = lesson.train[0]
        answer = [int(token) for token in row.ids[row.is_answer]]
        assert lesson.tokenizer.end_id == answer.pop()
        assert wanted == lesson.tokenizer.tokenizer.decode(answer)


def lesson_answer(rows: TrainingRows) -> str:
    """Returns the first row's answer as it is written."""
    return Prompt(schema=rows.schema).answer_text(rows.train[0].target)
