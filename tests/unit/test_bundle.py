"""What a bundle's folder tells without its model being opened."""

import json
from pathlib import Path

import pytest

from suffice.bundle import (
    as_read,
    cascade_of,
    encoder_folder,
    model_folder,
    open_bundle,
    reads_chats,
    servers,
    task_of,
    write_bundle,
)
from suffice.cascade import REFERENCE, Cascade, Tier
from suffice.errors import ArtefactError
from suffice.models import artefact
from suffice.models.http.endpoint import Endpoint
from suffice.models.http.openai import OpenAIModel
from suffice.ports import Request
from suffice.readers.load import read_inputs
from suffice.readers.task_file import spec_of
from suffice.task import Kind, Message

TASK = {
    "version": 1,
    "name": "desk",
    "kind": "classify",
    "data": "rows.jsonl",
    "input": "text",
    "bars": {"quality": {"target": "absolute", "at_least": 0.8}},
}
SPEC = spec_of(TASK, base=Path(), file="task.yaml")
LOCAL = Cascade(name="small", tiers=(Tier(model="fake", threshold=0.5), Tier(model=REFERENCE)))


def fake(folder: Path) -> Path:
    """Returns the folder of a made-up model."""
    folder.mkdir()
    artefact.seal(folder, kind="fake", settings={"name": "fake", "labels": ["a", "b"], "truth": {}})
    return folder


def test_task_cascade_and_model_are_read_apart(tmp_path):
    """The task's keys, the rungs with their thresholds, and the model, each by itself."""
    write_bundle(
        tmp_path / "b",
        LOCAL,
        {"fake": fake(tmp_path / "fake")},
        spec=SPEC,
        rule="confidence",
        reads_chats=False,
    )
    assert ("desk", Kind.CLASSIFY) == (task_of(tmp_path / "b").name, task_of(tmp_path / "b").kind)
    assert LOCAL == cascade_of(tmp_path / "b")
    assert "small" == open_bundle(tmp_path / "b").model.name
    assert model_folder(tmp_path / "b") / "model.json" in list(model_folder(tmp_path / "b").iterdir())
    assert () == servers(tmp_path / "b")
    assert encoder_folder(tmp_path / "b") is None


def test_a_rung_behind_a_server_is_told(tmp_path):
    """A bundle that asks a server says which: its texts leave this process."""
    paid = tmp_path / "paid"
    paid.mkdir()
    OpenAIModel(Endpoint(base_url="http://127.0.0.1:9/v1", model="m"), name="paid").seal(paid)
    cascade = Cascade(name="both", tiers=(Tier(model="fake", threshold=0.5), Tier(model="paid")))
    folders = {"fake": fake(tmp_path / "fake"), "paid": paid}
    write_bundle(tmp_path / "b", cascade, folders, spec=SPEC, rule="confidence", reads_chats=False)
    assert ("http://127.0.0.1:9/v1",) == servers(tmp_path / "b")


@pytest.mark.parametrize("told", [cascade_of, servers])
def test_a_damaged_manifest_is_named(tmp_path, told):
    """What is no manifest is said to be none."""
    write_bundle(
        tmp_path / "b",
        LOCAL,
        {"fake": fake(tmp_path / "fake")},
        spec=SPEC,
        rule="confidence",
        reads_chats=False,
    )
    (tmp_path / "b/model/model.json").write_text("[]")
    with pytest.raises(ArtefactError, match=r"model\.json is damaged"):
        told(tmp_path / "b")


def test_no_bundle_is_said_to_be_none(tmp_path):
    """An empty folder has neither task nor cascade."""
    with pytest.raises(ArtefactError, match="holds no bundle/"):
        task_of(tmp_path / "bundle")
    with pytest.raises(ArtefactError, match="is damaged"):
        cascade_of(tmp_path / "bundle")


@pytest.mark.parametrize(
    "text", ["plain", "naïve 日本 🙂", "NUL \0 in it", "half \ud800 sign", "\ud83d\ude00"]
)
def test_requests_are_read_as_rows_are(tmp_path, text):
    """The very text and key that `predict` gives the model for a row are what a request becomes."""
    (tmp_path / "rows.jsonl").write_text(json.dumps({"text": text}) + "\n")
    [sample] = read_inputs(tmp_path / "rows.jsonl", SPEC)
    # A JSON parser has joined the halves of a sign in the file; a request comes parsed too.
    request = Request(text=json.loads(json.dumps(text)))
    assert (sample.text, sample.key) == (as_read(request, chats=True).text, as_read(request, chats=True).key)
    assert as_read(Request(text="plain"), chats=True).text == "plain"


def test_a_bundle_knows_whether_its_rows_were_chats(tmp_path):
    """What was measured on texts alone is asked about texts alone, also where a chat's turns are there."""
    turns = (Message(role="system", content="be brief"), Message(role="user", content="hello"))
    for reads in (True, False):
        folders = {"fake": fake(tmp_path / f"fake-{reads}")}
        place = tmp_path / f"b-{reads}"
        write_bundle(place, LOCAL, folders, spec=SPEC, rule="confidence", reads_chats=reads)
        assert reads is reads_chats(place)
        read = as_read(Request(text="hello", messages=turns), chats=reads_chats(place))
        assert (turns if reads else ()) == read.messages
    (place / "inputs.json").unlink()
    assert not reads_chats(place)  # an early bundle: its task names the field of its texts
    (place / "inputs.json").write_text("[]")
    with pytest.raises(ArtefactError, match=r"inputs\.json is damaged"):
        reads_chats(place)
