"""How the linear rung is made from rows."""

import dataclasses

import numpy as np
import pytest

from suffice import fingerprint
from suffice.adapt.linear.fit import LinearMethod, TaughtTexts, trained
from suffice.candidate import Candidate
from suffice.errors import DataError, SpecError
from suffice.models import registry
from tests.unit.adapt.toy_desk import LABELS, hear_nothing, of, rows, samples, texts

LINEAR = Candidate(name="linear", kind="linear", method="linear", settings=(("bits", 12), ("epochs", 12)))


def made(folder, given, *, candidate=LINEAR, seed=0):
    """Returns the model that the method makes of the rows."""
    folder.mkdir(exist_ok=True)
    LinearMethod().apply(candidate, given, out=folder, teacher=None, seed=seed, progress=hear_nothing)
    return registry.load(folder)


def accuracy(model, n=200):
    """Returns the share of new sentences that it gets right."""
    new, labels = texts(n, seed=9)
    best = model.classify(new).probabilities.argmax(axis=1)
    return float(np.mean([model.labels[i] == label for i, label in zip(best, labels, strict=True)]))


def test_it_learns_the_task(tmp_path):
    """On an easy task nearly every new sentence is answered right, and the reasons are its words."""
    model = made(tmp_path / "a", rows())
    reasons = model.explain("please tell me about the mortgage now", top=3)

    assert accuracy(model) > 0.95
    assert any(reason.evidence.strip() in "mortgage" and reason.weight > 0 for reason in reasons)


def test_the_same_inputs_give_the_same_bytes(tmp_path):
    """Training is deterministic; another seed gives other bytes."""
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        made(tmp_path / name, rows(), seed=seed)
    a, b, c = (fingerprint.of_folder(tmp_path / name) for name in "abc")

    assert a == b
    assert a != c


def test_low_rank_learns_too(tmp_path):
    """With fewer dimensions than labels the model has a head, and still learns."""
    low = Candidate(
        name="low", kind="linear", method="linear", settings=(("bits", 12), ("epochs", 30), ("rank", 3))
    )
    model = made(tmp_path / "a", rows(), candidate=low)

    assert (3, 4) == model._weights.head.shape
    assert accuracy(model) > 0.9


def test_confidence_is_calibrated_and_foreign_texts_are_novel(tmp_path):
    """Over new sentences mean confidence is near the accuracy; foreign text is stranger than most."""
    model = made(tmp_path / "a", rows(400, dev=200))
    said = model.classify(texts(300, seed=9)[0])
    foreign = model.classify(["the quick brown fox", "zzz qqq", "colourless green ideas sleep"])

    assert accuracy(model, 300) == pytest.approx(said.probabilities.max(axis=1).mean(), abs=0.05)
    assert np.median(said.novelty) < 0.1
    assert foreign.novelty.min() > 0.6


@pytest.mark.parametrize("dev", [0, 7])
def test_without_enough_dev_rows_train_rows_set_the_confidence(dev, tmp_path):
    """A small dev split still gives a model that knows the task and does not claim certainty."""
    model = made(tmp_path / "a", rows(dev=dev))

    assert accuracy(model) > 0.95
    assert model.classify(["qqq"]).probabilities.max() < 0.9


def test_a_label_of_one_row_and_a_label_of_none_do_no_harm(tmp_path):
    """Rare labels are learnt as well as may be; a label never seen gets a small probability."""
    given = rows(120, labels=(*LABELS, "unseen"))
    one = of("my parrot is unwell", "vet")
    given = dataclasses.replace(given, labels=(*given.labels, "vet"), train=(*given.train, one))
    model = made(tmp_path / "a", given)
    said = model.classify(["my parrot is unwell", *texts(100, seed=9)[0]])

    assert "vet" == model.labels[int(said.probabilities[0].argmax())]
    assert said.probabilities[1:, model.labels.index("unseen")].mean() < 0.05
    assert accuracy(model) > 0.9


def test_soft_labels_are_learnt():
    """Probabilities are followed: a word half one label and half another is answered so."""
    words = TaughtTexts(
        texts=["alpha one", "beta two", "gamma three"] * 40,
        targets=np.tile(np.array([[1, 0], [0, 1], [0.5, 0.5]], np.float32), (40, 1)),
    )
    dev = TaughtTexts(texts=[], targets=np.zeros((0, 2), np.float32))
    model = trained(LINEAR, words, dev, labels=("a", "b"), seed=0, progress=hear_nothing)
    logits = model.logits(["alpha one", "beta two", "gamma three"])
    margins = logits[:, 0] - logits[:, 1]

    assert margins[0] > 2
    assert margins[1] < -2
    assert abs(margins[2]) < 0.3


@pytest.mark.parametrize("n", [2, 12, 50])
def test_very_few_rows_are_enough_to_start(n, tmp_path):
    """Two rows of two labels give a model, if a poor one."""
    few = dataclasses.replace(rows(dev=0), train=samples(n, seed=5))
    model = made(tmp_path / "a", few)

    assert set(model.labels) == set(LABELS)


def test_one_label_is_refused(tmp_path):
    """With one label among the train rows there is nothing to tell apart."""
    alone = tuple(sample for sample in samples(50, seed=1) if sample.target == "card")
    with pytest.raises(DataError, match="hold 1 label; learning needs 2"):
        made(tmp_path / "a", dataclasses.replace(rows(), train=alone))
    with pytest.raises(DataError, match="0 train rows hold 0 labels"):
        made(tmp_path / "a", dataclasses.replace(rows(), train=()))


def test_a_target_outside_the_labels_is_named(tmp_path):
    """The error says which target, and where it stands."""
    odd = dataclasses.replace(of("hello", "greeting"), source="a.jsonl:7")
    with pytest.raises(DataError, match=r"'greeting' \(a.jsonl:7\) is none of the task's 4 labels"):
        made(tmp_path / "a", dataclasses.replace(rows(), train=(odd,)))


@pytest.mark.parametrize(("setting", "named"), [(("bitts", 12), "bitts"), (("bits", 99), "8 to 20")])
def test_a_wrong_setting_is_named(setting, named, tmp_path):
    """Unknown settings and values out of range are refused before any work."""
    wrong = Candidate(name="linear", kind="linear", method="linear", settings=(setting,))
    with pytest.raises(SpecError, match=named):
        made(tmp_path / "a", rows(), candidate=wrong)


def test_texts_beyond_the_memory_limit_are_a_random_part(monkeypatch, tmp_path):
    """With room for a part of the rows only, the model still learns every label."""
    monkeypatch.setattr("suffice.adapt.linear.ngram_rows.MAX_ENTRIES", 15_000)
    assert accuracy(made(tmp_path / "a", rows(300))) > 0.9


def test_ugly_rows_are_learnt_from(tmp_path):
    """Empty texts, NUL and lone surrogates among the rows do no harm."""
    ugly = tuple(of(text, "card") for text in ("", "\0", "\ud800", "日本語", "x" * 20_000))
    given = rows(120)
    assert accuracy(made(tmp_path / "a", dataclasses.replace(given, train=(*given.train, *ugly)))) > 0.9
