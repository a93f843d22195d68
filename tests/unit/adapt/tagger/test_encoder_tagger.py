"""The tagger that reads an encoder's states: what it learns, exports, calibrates and refuses."""

import asyncio
import json
import shutil

import numpy as np
import pytest

from suffice.adapt.encoder.weights import find_encoder
from suffice.adapt.tagger.body import FrozenBody
from suffice.adapt.tagger.method import EncoderTaggerMethod, TaggerMethod
from suffice.candidate import Candidate
from suffice.errors import ArtefactError, DataError, SpecError
from suffice.models import artefact, registry
from suffice.models.tagger import frame
from suffice.models.tagger.word_states import STATES_FILE
from suffice.models.tagger.words import words_of
from suffice.ports import Request, TrainingRows
from suffice.task import Kind, Sample
from tests.contract import tiny
from tests.unit import tiny_encoder

SETTINGS = (("layers", 1), ("threads", 1))


def made(out, source, *, settings=SETTINGS, rows=tiny.EXTRACTION):
    """Returns the folder of a tagger with the tiny encoder's first layer."""
    EncoderTaggerMethod(source).apply(
        Candidate(name="tagger", kind="tagger", method="encoder-tagger", settings=settings),
        rows,
        out=out,
        teacher=None,
        seed=0,
        progress=lambda *_: None,
    )
    return out


@pytest.fixture(name="source", scope="module")
def _source(tmp_path_factory):
    return tiny_encoder.write_source(tmp_path_factory.mktemp("source"))


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory, source):
    return made(tmp_path_factory.mktemp("tagger"), source)


def answers(model, texts):
    """Returns the model's answers."""
    return asyncio.run(model.answer([Request(text=text) for text in texts]))


def test_it_learns_the_tiny_task(folder):
    """Nearly all objects of unseen texts are right, confidence is about as high, and tokens are counted."""
    rows = tiny.objects(80, seed=9)
    given = answers(registry.load(folder), [row.text for row in rows])
    right = [frame.same(json.loads(a.text), row.target) for a, row in zip(given, rows, strict=True)]
    assert sum(right) >= 72
    assert abs(sum(a.confidence for a in given) / len(given) - sum(right) / len(right)) < 0.15
    assert all(a.usage.input_tokens > 2 for a in given)


def test_the_exported_scores_are_those_that_were_learnt(tmp_path, source):
    """Vectors by weights in memory are what the written graph says of each word."""
    body = FrozenBody(source, layers=2, threads=1)
    texts = ["my card is lost", "send money to paris please", "hello hello9"]
    words = [words_of(text) for text in texts]
    vectors = body.vectors(texts, words, heard=lambda _: None)
    dense = np.random.default_rng(0).normal(0, 0.1, (tiny_encoder.WIDTH, 5)).astype(np.float32)
    said = body.export(dense, tmp_path).read(texts, words)
    for rows, one in zip(vectors, said, strict=True):
        np.testing.assert_allclose(rows.astype(np.float32) @ dense, one.rows, atol=5e-3)
    flat = np.concatenate(vectors).astype(np.float64)
    np.testing.assert_allclose(np.zeros(tiny_encoder.WIDTH), flat.mean(axis=0), atol=1e-2)
    np.testing.assert_allclose(np.ones(tiny_encoder.WIDTH), flat.std(axis=0), atol=1e-2)


def test_it_keeps_the_first_layers_only(folder, tmp_path, source):
    """Two layers are more bytes than one, and the settings say how many there are, and of what."""
    two = made(tmp_path, source, settings=(("layers", 2), ("threads", 1)))
    assert (two / STATES_FILE).stat().st_size > (folder / STATES_FILE).stat().st_size
    settings = artefact.unseal(folder).settings
    assert ("sentence-transformers/all-MiniLM-L6-v2", 1) == (settings["base"], settings["layers"])


def test_the_same_rows_give_the_same_bytes(folder, tmp_path, source):
    """What fingerprints rely on."""
    again = made(tmp_path, source)
    assert artefact.unseal(folder).settings == artefact.unseal(again).settings
    for path in (p for p in folder.rglob("*") if p.is_file()):
        assert path.read_bytes() == (again / path.relative_to(folder)).read_bytes()


def test_a_text_longer_than_it_reads_says_so(folder):
    """Windows as far as 16 of them reach; then a note with the number of words."""
    long, whole = answers(registry.load(folder), ["a lost " * 2000, "a lost " * 1000])
    assert ("only the first 3,104 words were read",) == long.notes
    assert () == whole.notes


def test_files_that_do_not_belong_together_are_refused(folder, tmp_path, source):
    """An encoder that scores other tags, or none at all."""
    for name, damage in (("width", None), ("gone", b"")):
        place = shutil.copytree(folder, tmp_path / name)
        if damage is None:
            FrozenBody(source, layers=1, threads=1).export(
                np.zeros((tiny_encoder.WIDTH, 9), np.float32), place
            )
        else:
            (place / STATES_FILE).write_bytes(damage)
        opened = json.loads((place / artefact.MANIFEST).read_text())
        artefact.seal(place, kind="tagger", settings=opened["settings"])
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
        (tiny.EXTRACTION, (("depth", 2),), SpecError, "'depth'; a tagger has epochs, min_count, layers"),
        (tiny.EXTRACTION, (("layers", 0),), SpecError, "layers is 0"),
        (tiny.EXTRACTION, (("layers", 3),), SpecError, "layers is 3, but the encoder has 2"),
        (tiny.EXTRACTION, (("weights", "/nowhere"),), SpecError, "the encoder has 2"),
    ],
)
def test_what_it_cannot_use_is_refused(rows, settings, error, words, tmp_path, source):
    """Another kind of task, too few rows, settings it does not have; three layers where there are two."""
    with pytest.raises(error, match=words):
        made(tmp_path, source, settings=settings, rows=rows)


def test_weights_that_are_not_there_are_named(tmp_path):
    """A folder that is given is never passed over for another source."""
    with pytest.raises(ArtefactError, match=r"holds no model\.safetensors"):
        made(tmp_path, None, settings=(("weights", str(tmp_path / "empty")),))


@pytest.mark.slow
def test_states_of_the_real_encoder_carry_over_to_words_never_seen(tmp_path):
    """From 40 rows: cities that no row names are found, which features alone cannot know."""
    try:
        find_encoder()
    except ArtefactError:
        pytest.skip("the weights of all-MiniLM-L6-v2 are not on this machine")
    seen = ("Rome", "Oslo", "Paris", "Madrid", "Vienna", "Dublin", "Athens", "Lisbon")
    new = ("Berlin", "Tokyo", "Chicago", "Moscow", "Prague", "Toronto")
    others = ("dinner", "two people", "tonight", "my mother", "Friday")
    texts = {
        city: [f"book a table in {city} for {others[(n + at) % 5]}" for n in range(5)]
        for at, city in enumerate((*seen, *new))
    }
    shuffled = {
        city: [f"{words.split(' for ')[1]} {city} please" if n % 2 else words for n, words in enumerate(rows)]
        for city, rows in texts.items()
    }
    samples = [Sample(key=text, text=text, target={"city": city}) for city in seen for text in shuffled[city]]
    rows = TrainingRows(labels=(), train=samples, dev=samples[:20], kind=Kind.EXTRACT, schema=None)
    asked = [(city, f"we want {city} if possible") for city in new]

    def right(folder):
        found = answers(registry.load(folder), [text for _, text in asked])
        return sum(json.loads(a.text) == {"city": city} for a, (city, _) in zip(found, asked, strict=True))

    plain = Candidate(name="tagger", kind="tagger", method="tagger")
    (tmp_path / "plain").mkdir()
    TaggerMethod().apply(plain, rows, out=tmp_path / "plain", teacher=None, seed=0, progress=lambda *_: None)
    (tmp_path / "encoder").mkdir()
    assert right(made(tmp_path / "encoder", None, settings=(("threads", 1),), rows=rows)) >= 5
    assert right(tmp_path / "plain") <= 2
