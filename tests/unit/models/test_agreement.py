"""Several models asked alike: whose answer is given, and how far it is trusted."""

import asyncio
import json
from pathlib import Path

import pytest

from suffice.errors import ArtefactError
from suffice.models import agreement, registry
from suffice.models.agreement import AgreementModel
from suffice.models.recorded import RecordedModel
from suffice.ports import Request

NUMBERS = {"metric": "numeric_match", "kind": "generate"}


def said(*answers, shares=(0.2, 0.7, 0.9), form=NUMBERS):
    """Returns the answer where the members say these, None being a failure."""
    members = [
        RecordedModel(f"m{number}", {} if answer is None else {"k": answer})
        for number, answer in enumerate(answers)
    ]
    model = AgreementModel(members, name="all", form=form, shares=shares[: len(answers)])
    return asyncio.run(model.answer([Request(text="x", key="k")]))[0]


@pytest.mark.parametrize(
    ("answers", "text", "confidence"),
    [
        (("it is 7", "7.0", "so 8"), "it is 7", 0.7),
        (("8", "it is 7", "7.0"), "it is 7", 0.7),
        (("1", "2", "3"), "1", 0.2),
        (("7", "7", "7"), "7", 0.9),
        ((None, "7", "7"), "7", 0.7),
        (("none", "none", "7"), "none", 0.2),
    ],
)
def test_the_largest_group_answers(answers, text, confidence):
    """Of equal groups the earliest member's; answers without a number agree with nothing."""
    answer = said(*answers)
    assert (text, confidence) == (answer.text, answer.confidence)


def test_where_all_fail_there_is_no_answer():
    """The members' reasons are given."""
    answer = said(None, None)
    assert (None, "not recorded; not recorded") == (answer.text, answer.error)


def test_objects_agree_by_what_they_say():
    """The task's metric says what is the same."""
    form = {"metric": "exact_match", "kind": "extract"}
    assert 0.7 == said({"a": 1, "b": "x"}, '{"b":"x","a":1.0}', form=form).confidence


def sealed(place):
    """Returns the folder of an agreement of two recorded models."""
    folders = []
    for name, answer in (("one", "7"), ("two", "it is 7")):
        (place / name).mkdir(parents=True)
        RecordedModel(name, {"k": answer}).seal(place / name)
        folders.append(place / name)
    out = place / "all"
    out.mkdir()
    agreement.seal(folders, out=out, name="all", form=NUMBERS, shares=(0.3, 0.8))
    return out


def test_it_is_served_from_its_folder(tmp_path: Path):
    """Members, form and shares come back from the files."""
    model = registry.load(sealed(tmp_path))
    answer = asyncio.run(model.answer([Request(text="x", key="k")]))[0]
    assert ("7", 0.8) == (answer.text, answer.confidence)


def test_damaged_settings_are_refused(tmp_path: Path):
    """A share that is none, or one too few."""
    place = sealed(tmp_path)
    manifest = json.loads((place / "model.json").read_text())
    manifest["settings"]["shares"] = [2.0, 0.5]
    (place / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(ArtefactError, match="damaged"):
        registry.load(place)
