"""The fake model: as accurate, confident and slow as it is set to be."""

import asyncio
from pathlib import Path

import pytest

from suffice.errors import ArtefactError
from suffice.models import artefact, registry
from suffice.models.fake import FakeModel, FakeSettings
from suffice.ports import Answer, Request

LABELS = ("a", "b", "c", "d")
TRUTH = {f"key {i}": LABELS[i % 4] for i in range(4000)}
REQUESTS = [Request(text=f"text {i}", key=f"key {i}") for i in range(4000)]


def answers(**settings: float) -> list[Answer]:
    """Returns the answers of a fake with these settings to all requests."""
    model = FakeModel(FakeSettings(labels=LABELS, truth=TRUTH, **settings))  # type: ignore[arg-type]
    return asyncio.run(model.answer(REQUESTS))


def right(given: list[Answer]) -> list[bool]:
    """Returns which answers are the truth."""
    return [answer.text == TRUTH[request.key] for answer, request in zip(given, REQUESTS, strict=True)]


@pytest.mark.parametrize("informativeness", [0.0, 0.3, 1.0])
def test_accuracy_is_as_set(informativeness: float) -> None:
    """Whatever its confidence knows, it is right as often as it is told to be (4 sigma at n = 4,000)."""
    share = sum(right(answers(accuracy=0.8, informativeness=informativeness))) / 4000
    assert share == pytest.approx(0.8, abs=0.026)


def test_uninformative_confidence_is_the_accuracy() -> None:
    """At informativeness 0 the confidence says nothing about the single answer."""
    assert {0.8} == {answer.confidence for answer in answers(accuracy=0.8, informativeness=0.0)}


def test_perfect_confidence_knows_which_answers_are_right() -> None:
    """At informativeness 1 the confidence is 1 exactly where the answer is right."""
    given = answers(accuracy=0.8, informativeness=1.0)
    assert right(given) == [answer.confidence == 1.0 for answer in given]


def test_confidence_is_calibrated() -> None:
    """Among answers of confidence above 0.9, the share that is right is the mean confidence."""
    given = answers(accuracy=0.8, informativeness=0.5)
    sure = [
        (a.confidence or 0.0, ok)
        for a, ok in zip(given, right(given), strict=True)
        if (a.confidence or 0) > 0.9
    ]
    mean = sum(confidence for confidence, _ in sure) / len(sure)
    assert sum(ok for _, ok in sure) / len(sure) == pytest.approx(mean, abs=0.02)


def test_answers_do_not_depend_on_company() -> None:
    """A request gets the same answer alone, in a batch, and from another instance."""
    model = FakeModel(FakeSettings(labels=LABELS, truth=TRUTH))
    alone = asyncio.run(model.answer(REQUESTS[7:8]))
    assert answers()[7:8] == alone


def test_another_seed_answers_otherwise() -> None:
    """The seed changes which requests go wrong."""
    assert [a.text for a in answers(seed=1)] != [a.text for a in answers(seed=2)]


def test_latency_is_stated() -> None:
    """The set latency comes with each answer."""
    assert {7.5} == {answer.latency_ms for answer in answers(latency_ms=7.5)}


def test_it_is_simulated() -> None:
    """A fake says so, so that it can never reach a certificate."""
    assert FakeModel(FakeSettings(labels=LABELS)).simulated


@pytest.mark.parametrize("wrong", [{"accuracy": 1.2}, {"informativeness": -0.1}, {"labels": ()}])
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    """A share outside [0, 1] or no label at all is no setting."""
    with pytest.raises(ValueError, match=r"must lie|at least one label"):
        FakeSettings(**{"labels": LABELS, **wrong})  # type: ignore[arg-type]


def test_round_trip(tmp_path: Path) -> None:
    """A sealed fake is loaded by its kind and answers as before."""
    FakeModel(FakeSettings(labels=LABELS, truth=TRUTH, seed=3)).seal(tmp_path)
    loaded = asyncio.run(registry.load(tmp_path).answer(REQUESTS))
    assert answers(seed=3) == loaded


def test_damaged_settings_are_named(tmp_path: Path) -> None:
    """Settings that are no fake's give an error, not a traceback."""
    artefact.seal(tmp_path, kind="fake", settings={"labels": ["a"], "colour": "red"})
    with pytest.raises(ArtefactError, match="colour"):
        registry.load(tmp_path)
