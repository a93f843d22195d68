"""An extraction model as a finder: pieces of a text, values to places, fields to classes."""

import asyncio
import dataclasses
import itertools
import json

import pytest

from suffice.errors import ModelError, SpecError
from suffice.models import registry
from suffice.ports import Answer
from suffice.serve.privacy.find import Find
from suffice.serve.privacy.names import ModelFinder, mapped, pieces, text_fields
from suffice.serve.privacy.settings import NamesSettings, read_privacy
from tests.unit.serve.privacy import tiny_names


class Saying:
    """A model that answers every text with the same."""

    simulated, name = True, "saying"

    def __init__(self, answer, *, waits=False):
        self.answer_, self.waits = answer, waits

    async def answer(self, requests):
        """Returns the answer, after a turn of the loop where it is to wait."""
        if self.waits:
            await asyncio.sleep(0)
        text = json.dumps(self.answer_) if isinstance(self.answer_, dict) else self.answer_
        return [Answer(text=text) for _ in requests]

    async def close(self):
        """Does nothing."""


def finder(answer, **fields):
    """Returns the finder of a model that always answers the same."""
    return ModelFinder(Saying(answer), fields or {"person": "name"})


def found(finder_, text):
    """Returns (class, part of the text) of what is found."""
    return [(name, text[start:end]) for start, end, name in finder_.find(text, "content", lambda: None)]


@pytest.fixture(name="tagger", scope="module")
def _tagger(tmp_path_factory):
    """The tiny tagger."""
    return registry.load(tiny_names.tagger(tmp_path_factory.mktemp("names") / "tagger"))


def test_a_tagger_finds_people_and_streets_it_never_saw(tagger):
    """What it copies out of a text is found where it stands, as the class of its field."""
    model = ModelFinder(tagger, {"person": "name", "street": "address"})
    assert ("name", "address") == model.classes
    text = "the parcel for Gus Petrov was late. Dina Ruiz lives at 12 Elm Road"
    assert [("name", "Gus Petrov"), ("name", "Dina Ruiz"), ("address", "12 Elm Road")] == found(model, text)
    assert [] == found(model, "please write a poem about rain today")


def test_a_long_text_is_read_in_pieces(tagger):
    """Places are those of the whole text."""
    text = "the parcel was late. " * 40 + "please write to Fay Novak today. " + "the parcel was late. " * 40
    start = text.index("Fay Novak")
    finds = list(ModelFinder(tagger, {"person": "name"}).find(text, "content", lambda: None))
    assert [Find(start, start + len("Fay Novak"), "name")] == finds


@pytest.mark.parametrize(
    "text", ["", "short", "One. " * 300, "word " * 300, "x" * 2_000, "a\n" * 700, "Ann Lee, " * 200]
)
def test_pieces_cover_a_text(text):
    """Every sign is in a piece, at its place; none is longer than a model reads at a time."""
    parts = list(pieces(text))
    assert all(text[start : start + len(piece)] == piece and len(piece) <= 320 for start, piece in parts)
    ends = [0, *itertools.accumulate((start + len(piece) for start, piece in parts), max)]
    assert all(start <= end for (start, _), end in zip(parts, ends, strict=False))
    assert len(text) == ends[-1]


def test_the_clock_is_looked_at_before_every_piece(tagger):
    """So that no text takes much longer than the time limit."""
    ticks = []
    text = "the parcel was late. " * 100
    list(ModelFinder(tagger, {"person": "name"}).find(text, "content", lambda: ticks.append(1)))
    assert len(list(pieces(text))) == len(ticks)


def test_a_value_is_found_wherever_it_stands():
    """As whole words; within words only where it is nowhere one, as in Chinese."""
    assert [("name", "Ann"), ("name", "Ann")] == found(finder({"person": "Ann"}), "Ann, not Annette; Ann")
    assert [("name", "王伟")] == found(finder({"person": ["王伟"]}), "我叫王伟。")


def test_a_short_value_is_read_with_its_key():
    """Places are the value's own; what is found in the key is nobody's."""
    asked = []

    class Hearing(Saying):
        async def answer(self, requests):
            asked.extend(request.text for request in requests)
            return await super().answer(requests)

    model = ModelFinder(Hearing({}), {"person": "name"})
    model._model.answer_ = {"person": ["Ann Lee", "passenger"]}
    assert [Find(0, 7, "name")] == list(model.find("Ann Lee", "passenger", lambda: None))
    assert ["passenger: Ann Lee"] == asked[1:]
    for identifier in ("get_weather", "Get_Weather", "getWeather", "GetWeather2", "function", ""):
        assert [] == list(model.find(identifier, "name", lambda: None))
    assert 2 == len(asked)
    assert [Find(0, 7, "name")] == list(model.find("Ann Lee passenger", "k" * 500, lambda: None))[:1]
    assert "Ann Lee passenger" == asked[2]


def test_fields_within_fields_have_dotted_names():
    """Lists too; what no class is given to is not looked at."""
    answer = {"to": [{"who": "Ann"}, {"who": "Bo"}], "topic": "rain", "n": 3, "none": None}
    assert [("name", "Ann"), ("name", "Bo")] == found(
        finder(answer, **{"to.who": "name"}), "Ann and Bo: rain"
    )


@pytest.mark.parametrize("answer", [None, "no JSON", {"person": "Zoe"}])
def test_an_answer_that_cannot_be_used_is_an_error(answer):
    """None, which is what passing up is; no JSON; a value that stands nowhere in the text."""
    with pytest.raises(ModelError):
        found(finder(answer), "Ann is here")


def test_an_answer_with_a_note_is_none():
    """The tagger notes where it read only a part, or what it found did not fit: names may be missing."""

    class Noting(Saying):
        async def answer(self, requests):
            return [dataclasses.replace(each, notes=("hm",)) for each in await super().answer(requests)]

    with pytest.raises(ModelError):
        found(ModelFinder(Noting({"person": "Ann"}), {"person": "name"}), "Ann is here")


def test_a_model_that_waits_is_refused_when_it_is_opened():
    """The gateway's loop must not wait for a thread or a server while it looks through a call."""
    with pytest.raises(SpecError, match="at once"):
        ModelFinder(Saying({}, waits=True), {"person": "name"})


def test_free_text_fields_of_a_schema():
    """Chosen and constant ones are none."""
    assert ["person", "street"] == list(text_fields(tiny_names.SCHEMA))
    inner = {
        "properties": {
            "to": {"items": {"properties": {"who": {"type": ["string", "null"]}, "n": {"type": "integer"}}}}
        }
    }
    assert ["to.who"] == list(text_fields(inner))


def test_fields_are_mapped_to_classes():
    """All are names where nothing is said; an unknown field is named."""
    assert {"person": "name", "street": "name"} == mapped({}, ["person", "street"])
    assert {"street": "address"} == mapped({"street": "address"}, ["person", "street"])
    with pytest.raises(SpecError, match="'persn'"):
        mapped({"persn": "name"}, ["person"])
    with pytest.raises(SpecError, match="free text"):
        mapped({}, [])


def test_the_names_of_a_section():
    """A folder alone, or with more; the classes of its fields may have treatments, and are looked for."""
    assert NamesSettings(bundle="runs/people") == read_privacy({"names": "runs/people"}).names
    settings = read_privacy(
        {
            "default": "allow",
            "classes": {"name": "mask"},
            "names": {"bundle": "p", "fields": {"person": "name", "street": "address"}, "time_limit_ms": 40},
        }
    )
    assert {"name": "mask", "address": "allow"} == settings.classes
    assert 40 == settings.names.time_limit_ms


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (None, "privacy.names.bundle"),
        ({"bundel": "x"}, "'bundel'"),
        ({"bundle": 3}, "privacy.names.bundle"),
        ({"bundle": "x", "fields": {"a": "b c"}}, "privacy.names.fields.a"),
        ({"bundle": "x", "fields": {"a": "uninspected"}}, "privacy.names.fields.a"),
        ({"bundle": "x", "fields": ["a"]}, "privacy.names.fields"),
        ({"bundle": "x", "time_limit_ms": 0}, "privacy.names.time_limit_ms"),
        ({"bundle": "x", "allow_uncertified": 1}, "privacy.names.allow_uncertified"),
    ],
)
def test_a_mistake_is_named_by_its_key(given, named):
    """A section that cannot be used says where."""
    with pytest.raises(SpecError) as caught:
        read_privacy({"names": given})
    assert named in caught.value.message
