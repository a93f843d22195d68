"""Recorded models: answers by content key, and what happens where there is none."""

import asyncio
from pathlib import Path

import pytest

from suffice import files
from suffice.cascade import REFERENCE
from suffice.errors import ArtefactError
from suffice.models import artefact, registry
from suffice.models.recorded import RecordedModel, text_of
from suffice.ports import Answer, Request
from suffice.task import Sample


def ask(model: RecordedModel, *keys: str) -> list[Answer]:
    """Returns the answers to requests with these keys."""
    return asyncio.run(model.answer([Request(text="", key=key) for key in keys]))


def test_recorded_answers_come_back_in_order() -> None:
    """Each request gets what was recorded under its key."""
    model = RecordedModel("gpt", {"1": "yes", "2": "no"}, latencies_ms={"1": 600.0})
    expected = [Answer(text="no", tier="gpt"), Answer(text="yes", latency_ms=600.0, tier="gpt")]
    assert expected == ask(model, "2", "1")


@pytest.mark.parametrize("answers", [{}, {"1": None}])
def test_what_is_not_recorded_is_an_error_of_that_answer(answers: dict[str, None]) -> None:
    """A missing key or an empty record gives no text, and says why."""
    [answer] = ask(RecordedModel("gpt", answers), "1")
    assert (None, "not recorded", False) == (answer.text, answer.error, answer.escalated)


@pytest.mark.parametrize(
    ("value", "text"), [("x", "x"), (True, "true"), (3, "3"), ({"b": 1, "a": "é"}, '{"a": "é", "b": 1}')]
)
def test_other_values_become_json(value: object, text: str) -> None:
    """Booleans, numbers and objects are read as sorted JSON, so equal values give equal texts."""
    assert text == text_of(value)  # type: ignore[arg-type]


def test_reference_is_read_from_samples() -> None:
    """The reference's answers and latencies come from the samples that have them."""
    samples = [
        Sample(key="1", text="", reference="yes", reference_latency_ms=5.0, target="no"),
        Sample(key="2", text="", target="no"),
    ]
    given = ask(RecordedModel.from_samples(REFERENCE, samples), "1", "2")
    assert [("yes", 5.0, None), (None, None, "not recorded")] == [
        (a.text, a.latency_ms, a.error) for a in given
    ]


def test_further_models_are_read_from_samples() -> None:
    """A ladder of recorded models: each by its own name."""
    samples = [Sample(key="1", text="", recorded={"phi": "A", "llama": "B"}, reference="C")]
    assert ["B"] == [a.text for a in ask(RecordedModel.from_samples("llama", samples), "1")]


def test_round_trip(tmp_path: Path) -> None:
    """A sealed record answers as before: any value, line separators and lone surrogates included."""
    values = {"1": "a\u2028b\u0085c\x00", "2": {"x": [1, None]}, "3": "\ud800", "4": "\n"}
    model = RecordedModel("gpt", values, latencies_ms={"2": 1.5})
    model.seal(tmp_path)
    loaded = registry.load(tmp_path)
    assert isinstance(loaded, RecordedModel)
    assert ask(model, *values) == ask(loaded, *values)
    assert "gpt" == loaded.name


def test_damaged_records_are_named(tmp_path: Path) -> None:
    """A row without an answer gives an error that names the folder."""
    files.write_text(tmp_path / "answers.jsonl", '{"key": "1"}\n')
    artefact.seal(tmp_path, kind="recorded", settings={"name": "gpt"})
    with pytest.raises(ArtefactError, match="damaged"):
        registry.load(tmp_path)
