"""The alarm over a classifier: which label it names, and what it refuses to load."""

import asyncio
from dataclasses import dataclass

import numpy as np
import pytest

from suffice.errors import ArtefactError
from suffice.models import alarm, artefact, fake, registry
from suffice.models.alarm import AlarmModel
from suffice.ports import Classification, Request

SHARES = {"a": (0.5, 0.3, 0.2), "b": (0.1, 0.2, 0.7), "c": (0.45, 0.35, 0.2), "d": (0.1, 0.1, 0.8)}


@dataclass
class Table:
    """A classifier whose probabilities stand in a table."""

    name: str = "table"
    simulated: bool = False
    labels: tuple[str, ...] = ("x", "fraud", "y")

    def classify(self, texts):
        """Returns the table's rows."""
        return Classification(
            probabilities=np.array([SHARES[text] for text in texts]),
            novelty=np.full(len(texts), 0.25),
            notes=tuple((text,) for text in texts),
        )

    def explain(self, text, *, top=5):
        """Returns nothing."""
        return [(text, top)][:0]


def test_the_class_is_named_from_the_threshold_on():
    """At P >= 0.2 the alarm is raised, though another label is likelier; below, the best other label."""
    model = AlarmModel(Table(), name="alarm", positive="fraud", threshold=0.2)
    answers = asyncio.run(model.answer([Request(text=text) for text in "abcd"]))
    assert ["fraud", "fraud", "fraud", "y"] == [answer.text for answer in answers]
    assert [0.3, 0.2, 0.35, 0.8] == [answer.confidence for answer in answers]
    assert [("a",), 0.25, "alarm"] == [answers[0].notes, answers[0].novelty, answers[0].tier]


def test_a_high_threshold_keeps_the_class_back():
    """Where the class is likeliest but below its threshold, the best other label is named."""
    model = AlarmModel(Table(), name="alarm", positive="y", threshold=0.75)
    answers = asyncio.run(model.answer([Request(text="b")]))
    assert ("fraud", 0.2) == (answers[0].text, answers[0].confidence)


@pytest.mark.parametrize(("positive", "threshold"), [("unknown", 0.5), ("fraud", float("nan"))])
def test_what_cannot_work_is_refused(positive, threshold):
    """A class the classifier does not know, and a threshold that is no number."""
    with pytest.raises(ArtefactError):
        AlarmModel(Table(), name="alarm", positive=positive, threshold=threshold)


def test_a_model_without_probabilities_gets_no_alarm(tmp_path):
    """A folder whose inner model is no classifier does not load."""
    (tmp_path / "fake").mkdir()
    (tmp_path / "alarm").mkdir()
    fake.FakeModel(fake.FakeSettings(labels=("x", "y"))).seal(tmp_path / "fake")
    alarm.seal(tmp_path / "fake", out=tmp_path / "alarm", name="alarm", positive="x", threshold=0.5)
    with pytest.raises(ArtefactError, match="shows no probabilities"):
        registry.load(tmp_path / "alarm")


def test_damaged_settings_are_told(tmp_path):
    """A manifest without a threshold is no alarm."""
    artefact.seal(tmp_path, kind="alarm", settings={"name": "alarm"})
    with pytest.raises(ArtefactError):
        registry.load(tmp_path)
