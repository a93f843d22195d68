"""Why a bundle answers as it does: each rung's part, as data that survives JSON."""

import asyncio
import json

import pytest

from suffice.bundle import open_bundle
from suffice.models import alarm, artefact, registry
from suffice.models.gguf.settings import DecoderSettings
from suffice.ports import Request
from suffice.serve.tiers.bundles.explaining import explain
from suffice.serve.tiers.bundles.explanation import Explanation
from suffice.task import Kind
from tests.unit.serve.tiers import tiny_run


@pytest.fixture(name="model", scope="module")
def model_fixture(tmp_path_factory):
    """Returns a cascade of a linear rung that is never sure enough, and an encoder."""
    folder = tmp_path_factory.mktemp("two")
    rungs = {"linear": tiny_run.linear(folder / "linear"), "encoder": tiny_run.encoder(folder / "encoder")}
    return open_bundle(tiny_run.bundle(folder / "run", rungs, threshold=0.9999) / "bundle").model


def asked(model, text):
    """Returns the explanation and the answer."""

    async def both():
        request = Request(text=text)
        return await explain(model, request), (await model.answer([request]))[0]

    return asyncio.run(both())


def test_each_rung_shows_what_it_goes_by(model):
    """n-grams below, nearest examples above, five probabilities at most, and scores below thresholds."""
    explanation, answer = asked(model, "please repay my loan")
    linear, encoder, reference = explanation.rungs
    assert answer.escalated
    assert reference.is_absent
    assert ["ngram", "example"] == [rung.reasons[0].kind for rung in (linear, encoder)]
    for rung in (linear, encoder):
        assert not rung.is_kept
        assert rung.score < rung.threshold
        assert 4 == len(rung.probabilities)
        assert 1.0 == pytest.approx(sum(share for _, share in rung.probabilities))
        assert (rung.text, rung.confidence) == pytest.approx(rung.probabilities[0])


def test_it_survives_json(model):
    """What a worker process or a page reads is the very same."""
    explanation, _ = asked(model, "where is my luggage")
    assert explanation == Explanation.of_json(json.loads(json.dumps(explanation.to_json())))


def test_a_single_model_and_a_wrapped_one_are_explained_too(tmp_path):
    """Outside a cascade the answer is kept; an alarm is explained by the classifier in it."""
    inner = tiny_run.linear(tmp_path / "linear")
    out = tmp_path / "alarm"
    out.mkdir()
    alarm.seal(inner, out=out, name="alarm", positive="loan", threshold=0.1)
    for folder in (inner, out):
        explanation, answer = asked(registry.load(folder), "please repay my mortgage loan")
        [rung] = explanation.rungs
        assert (True, answer.text, "loan") == (rung.is_kept, rung.text, rung.probabilities[0][0])
        assert rung.reasons


def test_a_decoder_that_writes_shows_its_tokens(tmp_path):
    """Each token with its probability; together they are the text."""
    from tests.unit.models.gguf import tiny_gguf  # noqa: PLC0415 - skips where the extra train is absent

    folder = tmp_path / "decoder"
    folder.mkdir()
    tiny_gguf.write_byte_bpe(folder / "model.gguf")
    settings = DecoderSettings(name="decoder", kind=Kind.GENERATE, max_answer_tokens=8)
    artefact.seal(folder, kind="gguf", settings=settings.to_json())
    model = registry.load(folder)
    explanation, answer = asked(model, "a lost card")
    asyncio.run(model.close())
    [rung] = explanation.rungs
    assert answer.text == rung.text
    assert 1 <= len(rung.tokens) <= 8
    assert all(0.0 < share <= 1.0 for _, share in rung.tokens)
    assert explanation == Explanation.of_json(json.loads(json.dumps(explanation.to_json())))
