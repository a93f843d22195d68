"""How a larger rung teaches the linear one."""

import dataclasses

import numpy as np
import pytest

from suffice import fingerprint
from suffice.adapt.linear import distil
from suffice.adapt.linear.distil import DistilMethod
from suffice.adapt.linear.fit import LinearMethod
from suffice.candidate import Candidate
from suffice.errors import DataError, SpecError
from suffice.models import registry
from suffice.models.fake import FakeModel, FakeSettings
from tests.unit.adapt.toy_desk import LABELS, hear_nothing, of, rows, texts

SMALL = (("bits", 12), ("epochs", 8))
STUDENT = Candidate(name="student", kind="linear", method="distil", teacher="master", settings=SMALL)


@pytest.fixture(name="master", scope="module")
def master_fixture(tmp_path_factory):
    """Returns the folder of a teacher that knows the task: a linear model of many rows."""
    folder = tmp_path_factory.mktemp("master")
    candidate = Candidate(name="master", kind="linear", method="linear", settings=SMALL)
    LinearMethod().apply(candidate, rows(600), out=folder, teacher=None, seed=0, progress=hear_nothing)
    return folder


def taught(folder, given, master, *, seed=0):
    """Returns the student that the method makes."""
    folder.mkdir(exist_ok=True)
    DistilMethod().apply(STUDENT, given, out=folder, teacher=master, seed=seed, progress=hear_nothing)
    return registry.load(folder)


def likeness(model, other):
    """Returns the share of new sentences that two models answer alike."""
    new = texts(200, seed=9)[0]
    one, two = (m.classify(new).probabilities.argmax(axis=1) for m in (model, other))
    return float((one == two).mean())


def test_a_student_of_few_labels_learns_from_its_teacher(tmp_path, master):
    """With ten labelled rows and unlabelled texts the student answers as its teacher does."""
    few = rows(600)
    few = dataclasses.replace(
        few, train=few.train[:10], unlabelled=[of(text, None) for text in texts(150, seed=5)[0]]
    )
    student = taught(tmp_path / "a", few, master)

    assert "student" == student.name
    assert likeness(student, registry.load(master)) > 0.95


def test_the_same_inputs_give_the_same_bytes(tmp_path, master):
    """Distilling is deterministic."""
    for name in "ab":
        taught(tmp_path / name, rows(60), master)

    assert fingerprint.of_folder(tmp_path / "a") == fingerprint.of_folder(tmp_path / "b")


def test_more_texts_than_may_be_asked_about(tmp_path, master, monkeypatch):
    """Past the limit of questions the truth of the labelled rows is still learnt."""
    monkeypatch.setattr(distil, "MOST_TAUGHT", 60)
    asked = []
    given = rows(300)

    def hear(what, done, total):
        if what.startswith("master teaches"):
            asked.append((done, total))

    DistilMethod().apply(STUDENT, given, out=tmp_path, teacher=master, seed=0, progress=hear)

    assert (60, 60) == asked[-1]
    assert likeness(registry.load(tmp_path), registry.load(master)) > 0.9


def test_truth_outweighs_a_teacher_that_errs(master):
    """What the labels say and the teacher denies is still learnt from the labelled rows."""
    swapped = {"card": "loan", "loan": "card"}
    given = rows(300)
    wrong_way = tuple(
        dataclasses.replace(s, target=swapped.get(str(s.target), s.target)) for s in given.train
    )
    lesson = distil._lesson(
        STUDENT,
        distil.labelled(wrong_way, LABELS),
        [],
        master=registry.load(master),
        seed=0,
        progress=hear_nothing,
    )
    own = lesson.targets[: len(wrong_way)]

    assert np.allclose(lesson.targets.sum(axis=1), 1.0, atol=1e-5)
    assert (own.max(axis=1) >= 0.5).all()


def test_a_teacher_that_cannot_teach_is_refused(tmp_path, master):
    """No teacher, one without probabilities, one of another task: each has its error."""
    fake = tmp_path / "fake"
    fake.mkdir()
    FakeModel(FakeSettings(labels=LABELS)).seal(fake)
    with pytest.raises(SpecError, match="needs a 'teacher'"):
        taught(tmp_path / "a", rows(), None)
    with pytest.raises(SpecError, match="no probabilities"):
        taught(tmp_path / "a", rows(), fake)
    with pytest.raises(SpecError, match="other labels"):
        taught(tmp_path / "a", rows(labels=(*LABELS, "more")), master)
    with pytest.raises(DataError, match="learning needs 2"):
        taught(tmp_path / "a", dataclasses.replace(rows(), train=()), master)
