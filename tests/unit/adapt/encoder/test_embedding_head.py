"""The method `head` makes an encoder model that answers, explains itself and says what is foreign."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from suffice import fingerprint
from suffice.adapt.encoder.embedding_head import KEPT_EXAMPLES, HeadMethod, _kept_rows, split
from suffice.candidate import Candidate, Setting
from suffice.errors import ArtefactError, DataError
from suffice.models import artefact, registry
from suffice.models.embedder import Embedder
from suffice.models.encoder import HEAD_FILE, EncoderModel
from suffice.ports import Classifier, Request, TrainingRows
from suffice.task import Sample
from tests.unit import tiny_encoder

_LABELS = ("card", "weather")
_WORDS = {
    "card": ["lost", "stolen", "card", "my", "money"],
    "weather": ["rain", "sunny", "today", "hot", "cold"],
}


def _samples(n: int, seed: int) -> list[Sample]:
    rng = np.random.default_rng(seed)
    made = []
    for row in range(n):
        label = _LABELS[row % 2]
        text = " ".join(rng.choice(_WORDS[label], 4)) + f" {row} {seed}"
        made.append(Sample(key=fingerprint.of_text(text), text=text, target=label))
    return made


def _rows(train: int = 60, dev: int = 40) -> TrainingRows:
    return TrainingRows(labels=_LABELS, train=_samples(train, 0), dev=_samples(dev, 1))


def _silent(what: str, done: float, total: float) -> None:
    """Hears progress and says nothing."""


def _make(embedder: Embedder, out: Path, rows: TrainingRows, *settings: tuple[str, Setting]) -> EncoderModel:
    out.mkdir()
    candidate = Candidate(name="tiny", kind="encoder", method="head", settings=settings)
    HeadMethod(embedder).apply(candidate, rows, out=out, teacher=None, seed=0, progress=_silent)
    return EncoderModel.load(out)


@pytest.fixture(name="embedder", scope="module")
def _embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return Embedder(tiny_encoder.write_body(tmp_path_factory.mktemp("encoder")), cache_texts=1000)


def test_model_answers_right_with_confidence(embedder: Embedder, tmp_path: Path) -> None:
    """Nine in ten texts like the training ones are answered right, with probabilities that sum to 1."""
    model = _make(embedder, tmp_path / "out", _rows())
    assert isinstance(model, Classifier)
    samples = _samples(50, 2)
    said = model.classify([sample.text for sample in samples])
    np.testing.assert_allclose(said.probabilities.sum(axis=1), 1.0)
    answers = asyncio.run(model.answer([Request(text=sample.text) for sample in samples]))
    right = [sample.target == answer.text for sample, answer in zip(samples, answers, strict=True)]
    assert np.mean(right) >= 0.9
    assert {"tiny"} == {answer.tier for answer in answers}
    assert asyncio.run(model.answer([])) == []


def test_registry_loads_the_folder(embedder: Embedder, tmp_path: Path) -> None:
    """The folder is served by the registry's kind `encoder`."""
    _make(embedder, tmp_path / "out", _rows())
    assert "tiny" == registry.load(tmp_path / "out").name


def test_same_rows_give_the_same_bytes(embedder: Embedder, tmp_path: Path) -> None:
    """Making the artefact twice gives equal hashes of every file."""
    for name in ("a", "b"):
        _make(embedder, tmp_path / name, _rows())
    assert fingerprint.of_folder(tmp_path / "a") == fingerprint.of_folder(tmp_path / "b")


def test_foreign_texts_are_novel(embedder: Embedder, tmp_path: Path) -> None:
    """Texts of other words are more novel than texts like the training ones."""
    model = _make(embedder, tmp_path / "out", _rows())
    familiar = model.classify([sample.text for sample in _samples(40, 3)]).novelty
    foreign = model.classify(["will it be in paris", "hello thanks i want to know", "qzx vvv"]).novelty
    assert float(np.median(foreign)) > float(np.median(familiar))
    assert 0.0 <= float(familiar.min()) <= float(foreign.max()) <= 1.0


def test_explanation_names_training_examples(embedder: Embedder, tmp_path: Path) -> None:
    """Reasons are kept examples, nearest first, positive where their label is the answer."""
    rows = _rows()
    reasons = _make(embedder, tmp_path / "out", rows).explain(rows.train[0].text, top=3)
    assert f"{rows.train[0].text} → card" == reasons[0].evidence
    assert reasons[0].weight > 0.99
    assert sorted((abs(reason.weight) for reason in reasons), reverse=True) == [
        abs(r.weight) for r in reasons
    ]


def test_texts_are_left_out_on_wish(embedder: Embedder, tmp_path: Path) -> None:
    """With keep_texts false no training text is in any file of the artefact."""
    rows = _rows()
    model = _make(embedder, tmp_path / "out", rows, ("keep_texts", False))
    secret = rows.train[0].text.encode()
    assert not any(secret in path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert f"row {rows.train[0].key[:12]} → card" == model.explain(rows.train[0].text)[0].evidence


def test_kept_examples_are_capped_and_balanced() -> None:
    """Of many rows at most 2,000 are kept, and a rare label keeps its rows."""
    classes = np.array([0] * 50_000 + [1] * 10)
    kept = _kept_rows(classes)
    assert KEPT_EXAMPLES // 2 + 10 == len(kept)
    assert 10 == int((classes[kept] == 1).sum())


def test_long_text_is_noted_on_the_answer(embedder: Embedder, tmp_path: Path) -> None:
    """The answer says how many tokens were read of a text that does not fit."""
    model = _make(embedder, tmp_path / "out", _rows())
    (answer,) = asyncio.run(model.answer([Request(text="card " * 5000)]))
    assert 2048 == answer.usage.input_tokens
    assert ("read the first 2032 of 5000 tokens; the rest was not read",) == answer.notes


def test_without_dev_rows_train_is_divided(embedder: Embedder, tmp_path: Path) -> None:
    """Where dev is too small every fifth train row calibrates instead."""
    model = _make(embedder, tmp_path / "out", _rows(train=60, dev=0))
    assert 48 == artefact.unseal(tmp_path / "out").settings["examples"]
    assert _LABELS == model.labels


def test_too_many_rows_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the cap rows are drawn at random, the same ones each time, in their order."""
    monkeypatch.setattr("suffice.adapt.encoder.embedding_head._MOST_ROWS", 30)
    rows = _rows(train=60, dev=40)
    train, dev = split(rows)
    assert 30 == len(train.samples)
    places = [list(rows.train).index(sample) for sample in train.samples]
    assert sorted(set(places)) == places
    assert split(rows)[0].samples == train.samples
    assert 40 == len(dev.samples)


def test_one_label_is_refused(embedder: Embedder, tmp_path: Path) -> None:
    """Rows of a single label cannot be learned from."""
    rows = TrainingRows(labels=_LABELS, train=[s for s in _samples(20, 0) if s.target == "card"], dev=[])
    with pytest.raises(DataError, match="1 label"):
        _make(embedder, tmp_path / "out", rows)


def test_unknown_label_is_refused(embedder: Embedder, tmp_path: Path) -> None:
    """A target that is none of the task's labels is named with its row."""
    stranger = Sample(key="k", text="hello", target="greeting", source="a.jsonl:7")
    rows = TrainingRows(labels=_LABELS, train=[*_samples(20, 0), stranger], dev=[])
    with pytest.raises(DataError, match=r"a\.jsonl:7: the target 'greeting'"):
        _make(embedder, tmp_path / "out", rows)


def test_damaged_head_is_an_artefact_error(embedder: Embedder, tmp_path: Path) -> None:
    """A head whose bytes changed is refused by its hash; a resealed foreign one by its content."""
    _make(embedder, tmp_path / "out", _rows())
    settings = artefact.unseal(tmp_path / "out").settings
    (tmp_path / "out" / HEAD_FILE).write_bytes(b"rubbish")
    with pytest.raises(ArtefactError, match="does not match the hash"):
        EncoderModel.load(tmp_path / "out")
    artefact.seal(tmp_path / "out", kind="encoder", settings=settings)
    with pytest.raises(ArtefactError, match="head is damaged"):
        EncoderModel.load(tmp_path / "out")
