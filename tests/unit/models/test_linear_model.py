"""The linear model as it is stored and served."""

import asyncio
import json

import numpy as np
import pytest
from safetensors.numpy import load, save

from suffice.errors import ArtefactError
from suffice.models import artefact, registry
from suffice.models.linear import Calibration, LinearModel
from suffice.models.linear_weights import WEIGHTS, LinearWeights, quantised, rarity_code
from suffice.ports import Classifier, Request

LABELS = ("card", "loan", "rate")
UGLY = ["", " ", "\0\0", "\ud800", "日本語", "pay my card", "x" * 5_000, "a\u0301\u202e", "\n\r\t"]


def made_up_weights(*, rank: int | None, bits: int = 10, labels: int = len(LABELS)) -> LinearWeights:
    """Returns random weights of a model of 3 labels."""
    draw = np.random.default_rng(3)
    rows, scale = quantised(draw.standard_normal((1 << bits, rank or labels), dtype=np.float32))
    head = draw.standard_normal((rank or 0, labels)).astype(np.float16)
    return LinearWeights(
        rows=rows,
        row_scale=scale,
        rarity_code=rarity_code(100, draw.integers(0, 100, 1 << bits)),
        head=head,
        bias=draw.standard_normal(labels).astype(np.float32),
    )


@pytest.fixture(name="model", params=[None, 4], ids=["direct", "low rank"])
def model_fixture(request):
    """Returns a model of random weights, with a head and without."""
    return LinearModel(
        made_up_weights(rank=request.param),
        name="tiny",
        labels=LABELS,
        calibration=Calibration(temperature=0.7),
    )


def test_a_stored_model_answers_bit_for_bit_as_the_one_that_was_stored(model, tmp_path):
    """Writing and reading change no bit of probabilities and novelty."""
    model.seal(tmp_path)
    again = registry.load(tmp_path)
    before, after = model.classify(UGLY), again.classify(UGLY)

    assert before.probabilities.tobytes() == after.probabilities.tobytes()
    assert before.novelty.tobytes() == after.novelty.tobytes()
    assert (model.name, model.labels) == (again.name, again.labels)


def test_any_text_gets_probabilities(model):
    """Rows sum to 1, novelty lies in [0, 1], whatever the text."""
    said = model.classify(UGLY)

    assert (len(UGLY), 3) == said.probabilities.shape
    assert np.allclose(said.probabilities.sum(axis=1), 1.0)
    assert ((said.novelty >= 0) & (said.novelty <= 1)).all()
    assert (0, 3) == model.classify([]).probabilities.shape


def test_the_batch_does_not_change_an_answer(model):
    """A text alone and in a batch gets the same bits."""
    together = model.classify(UGLY).probabilities
    alone = np.concatenate([model.classify([text]).probabilities for text in UGLY])

    assert together.tobytes() == alone.tobytes()


def test_answers_carry_confidence_novelty_and_tier(model):
    """An answer is the most probable label, with its probability."""
    (answer,) = asyncio.run(model.answer([Request(text="what is the rate")]))
    said = model.classify(["what is the rate"])

    assert LABELS[int(said.probabilities[0].argmax())] == answer.text
    assert said.probabilities[0].max() == answer.confidence
    assert said.novelty[0] == answer.novelty
    assert "tiny" == answer.tier
    assert [] == asyncio.run(model.answer([]))


def test_it_is_a_classifier(model):
    """The model has the classifier's door too, and is no simulation."""
    assert isinstance(model, Classifier)
    assert not model.simulated


def test_reasons_add_up_to_the_decision(model):
    """Over all n-grams, the weights sum to the answer's logit above the mean logit, less the bias."""
    text = "pay the card, the card"
    reasons = model.explain(text, top=10_000)
    logits = model.logits([text])[0] - model._weights.bias
    label = int(model.logits([text])[0].argmax())

    assert sum(reason.weight for reason in reasons) == pytest.approx(logits[label] - logits.mean(), abs=1e-4)
    assert {"ngram"} == {reason.kind for reason in reasons}


def test_few_reasons_do_not_repeat_one_another(model):
    """The strongest reasons come first, and none is part of another of the same sign."""
    reasons = model.explain("what is the interest rate on my loan", top=5)
    weights = [abs(reason.weight) for reason in reasons]

    assert 5 == len(reasons)
    assert sorted(weights, reverse=True) == weights
    for one in reasons:
        for other in reasons:
            if one is not other and one.weight * other.weight > 0:
                assert one.evidence.strip() not in other.evidence


def test_novelty_rises_as_the_greatest_logit_falls(model):
    """Novelty is monotone in the greatest logit, far beyond everything seen on dev."""
    novelty = [model._calibration.novelty(greatest) for greatest in np.linspace(6, -9, 50)]

    assert (np.diff(novelty) > 0).all()


def damage(folder, change):
    """Changes the tensors of a stored model and seals the folder again, as an attacker might."""
    settings = json.loads((folder / artefact.MANIFEST).read_text())["settings"]
    tensors = dict(load((folder / WEIGHTS).read_bytes()))
    change(tensors, settings)
    (folder / WEIGHTS).write_bytes(save(tensors))
    artefact.seal(folder, kind="linear", settings=settings)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda t, _: t.pop("bias"), "bias"),
        (lambda t, _: t.update(more=np.zeros(2)), "more"),
        (lambda t, _: t.update(rows=t["rows"][:1000]), "rows"),
        (lambda t, _: t.update(rows=t["rows"][0]), "rows"),
        (lambda t, _: t.update(rows=t["rows"].astype(np.float32)), "rows"),
        (lambda t, _: t.update(head=t["head"][:2]), "head"),
        (lambda t, _: t.update(bias=t["bias"] * np.nan), "bias"),
        (lambda _, s: s.pop("calibration"), "calibration"),
        (lambda _, s: s["calibration"].update(temperature=0), "temperature"),
        (lambda _, s: s["calibration"].update(edge="x"), "settings"),
        (lambda _, s: s["calibration"].update(more=1), "settings"),
        (lambda _, s: s.update(hashing_scheme=99), "scheme"),
        (lambda _, s: s.update(labels=["one"]), "expected"),
        (lambda _, s: s.update(labels=3), "settings"),
    ],
)
def test_a_model_that_does_not_fit_together_is_refused(change, named, tmp_path):
    """Missing, foreign and misshapen tensors and settings are named, not computed with."""
    LinearModel(made_up_weights(rank=4), name="tiny", labels=LABELS).seal(tmp_path)
    damage(tmp_path, change)
    with pytest.raises(ArtefactError, match=named):
        LinearModel.load(tmp_path)


def test_a_changed_byte_is_refused(tmp_path):
    """One flipped bit in the weights is found by its hash."""
    LinearModel(made_up_weights(rank=None), name="tiny", labels=LABELS).seal(tmp_path)
    data = bytearray((tmp_path / WEIGHTS).read_bytes())
    data[-9] ^= 1
    (tmp_path / WEIGHTS).write_bytes(bytes(data))
    with pytest.raises(ArtefactError, match="does not match the hash"):
        LinearModel.load(tmp_path)


def test_rubbish_weights_are_refused(tmp_path):
    """A weights file that is no safetensors file is an artefact error even when its hash matches."""
    (tmp_path / WEIGHTS).write_bytes(b"rubbish")
    settings = {"name": "x", "labels": list(LABELS), "calibration": {}, "hashing_scheme": 1}
    artefact.seal(tmp_path, kind="linear", settings=settings)
    with pytest.raises(ArtefactError, match="cannot be read"):
        LinearModel.load(tmp_path)


def test_another_kind_of_model_is_refused(tmp_path):
    """A folder of another kind is not read as a linear model."""
    artefact.seal(tmp_path, kind="fake", settings={})
    with pytest.raises(ArtefactError, match="kind 'fake'"):
        LinearModel.load(tmp_path)


def test_quantising_keeps_each_row_within_half_a_step():
    """The error of a weight is at most half of its row's step; rows of zeros stay zeros."""
    rows = np.random.default_rng(0).standard_normal((50, 7), dtype=np.float32)
    rows[3] = 0
    rows[4] = 1e-12
    whole, scale = quantised(rows)
    error = np.abs(whole * scale.astype(np.float32)[:, None] - rows)

    assert (error <= 0.51 * scale.astype(np.float32)[:, None] + 1e-11).all()
    assert not whole[3].any()
    assert not whole[4].any()
