"""A decoder's folder answers: labels by probability, JSON that is checked, text; and says what it cannot."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from suffice.errors import ArtefactError, DataError, ModelError, SpecError
from suffice.models import artefact, registry
from suffice.models.gguf.model import GgufClassifier, GgufModel, GgufWriter
from suffice.models.gguf.settings import Calibration, DecoderSettings
from suffice.models.prompt import Prompt, instruction_of
from suffice.ports import Answer, Classifier, Request
from suffice.task import Kind
from tests.unit.models.gguf import tiny_gguf

pytest.importorskip("xllamacpp", reason="the extra gguf serves GGUF files")

LABELS = ("card lost", "card", "refund", "the end")
TEXTS = ["the card and the refund", "lost in the end", "re", "a fund for the lost and found"]
LONG = "word " * 2_000
SCHEMA = {
    "type": "object",
    "properties": {"intent": {"enum": ["refund", "lost card"]}, "count": {"type": "integer", "maximum": 99}},
    "required": ["intent", "count"],
    "additionalProperties": False,
}
CLASSIFY = DecoderSettings(name="decoder", kind=Kind.CLASSIFY, labels=LABELS)
EXTRACT = DecoderSettings(name="decoder", kind=Kind.EXTRACT, schema=SCHEMA, max_answer_tokens=60, guesses=6)
GENERATE = DecoderSettings(name="decoder", kind=Kind.GENERATE, max_answer_tokens=12)


@pytest.fixture(name="weights", scope="module")
def _weights(tmp_path_factory) -> bytes:
    return tiny_gguf.write_byte_bpe(tmp_path_factory.mktemp("gguf") / "model.gguf").read_bytes()


@pytest.fixture(name="folder")
def _folder(weights: bytes, tmp_path: Path):
    def make(settings: DecoderSettings, **change: object) -> Path:
        (tmp_path / "model.gguf").write_bytes(weights)
        artefact.seal(tmp_path, kind="gguf", settings=settings.to_json() | change)
        return tmp_path

    return make


def ask(model: GgufModel, texts: list[str]) -> list[Answer]:
    """Returns a model's answers, and closes it."""

    async def answers() -> list[Answer]:
        try:
            return await model.answer([Request(text=text) for text in texts])
        finally:
            await model.close()

    return asyncio.run(answers())


def test_classifies_by_the_labels_probabilities(folder):
    """The answer is the likeliest label, its confidence the probability among the labels."""
    model = registry.load(folder(CLASSIFY))
    assert isinstance(model, GgufClassifier)
    assert isinstance(model, Classifier)
    said = model.classify(TEXTS)
    np.testing.assert_allclose(1.0, said.probabilities.sum(axis=1))
    assert [0.0] * len(TEXTS) == list(said.novelty)
    for answer, row in zip(ask(model, TEXTS), said.probabilities, strict=True):
        assert LABELS[int(row.argmax())] == answer.text
        assert pytest.approx(row.max(), abs=1e-5) == answer.confidence
        assert answer.novelty is None
        assert 0 == answer.usage.output_tokens


def test_the_temperature_changes_how_sure_it_is_and_not_what_it_says(folder):
    """Calibration keeps the order of the labels."""
    plain = registry.load(folder(CLASSIFY)).classify(TEXTS).probabilities
    calibration = Calibration(temperature=4.0, median=3.0, edge=1.0)
    cooled = registry.load(folder(CLASSIFY, calibration=vars(calibration))).classify(TEXTS)
    expected = plain ** (1 / 4)
    np.testing.assert_allclose(
        expected / expected.sum(axis=1, keepdims=True), cooled.probabilities, atol=1e-6
    )
    assert ((cooled.novelty > 0) & (cooled.novelty < 1)).all()


def test_novelty_is_what_dev_said():
    """At the dev texts' median 1/20, at their lowest twentieth 1/2, far below almost 1."""
    calibration = Calibration(median=5.0, edge=2.0)
    assert [0.05, 0.5] == [pytest.approx(calibration.novelty(top)) for top in (5.0, 2.0)]
    assert 0.95 < (calibration.novelty(-1.5) or 0) < 1
    assert Calibration().novelty(1.0) is None


def test_what_does_not_fit_is_that_rows_error_and_no_other_rows(folder):
    """Never cut: the error names both numbers, and the others are answered as without it."""
    for settings in (CLASSIFY, EXTRACT, GENERATE):
        alone = ask(registry.load(folder(settings)), TEXTS)
        mixed = ask(registry.load(folder(settings)), [TEXTS[0], LONG, *TEXTS[1:]])
        assert "holds 512" in str(mixed[1].error)
        assert mixed[1].text is None
        assert [one.text for one in alone] == [one.text for one in (mixed[0], *mixed[2:])]


def test_reasons_are_words_of_the_text(folder):
    """Leaving a word out shows what it was worth, strongest first; too long a text has no reasons."""
    model = registry.load(folder(CLASSIFY))
    reasons = model.explain(TEXTS[0], top=3)
    assert 3 == len(reasons)
    assert {reason.evidence for reason in reasons} <= set(TEXTS[0].split())
    strengths = [abs(reason.weight) for reason in reasons]
    assert sorted(strengths, reverse=True) == strengths
    assert [] == model.explain(LONG)
    assert [] == model.explain(" ")


def test_order_bias_is_measured_on_prompts_that_list_their_labels(folder):
    """A model of chance weights looks at everything, the order as well; without a list there is no order."""
    words = instruction_of(Kind.CLASSIFY, labels=LABELS)
    listed = registry.load(folder(CLASSIFY, prompt=Prompt(instruction=words).to_json()))
    found = listed.order_bias([*TEXTS, LONG], orders=3)
    assert (len(TEXTS), 3) == (found.texts, found.orders)
    assert found.mean_shift > 0
    np.testing.assert_allclose(listed.classify(TEXTS).probabilities.sum(axis=1), 1.0)
    np.testing.assert_allclose(listed.classify(TEXTS).probabilities, listed.listed(TEXTS, LABELS), atol=1e-6)
    assert np.abs(listed.listed(TEXTS, LABELS[::-1]) - listed.listed(TEXTS, LABELS)).max() > 1e-6
    with pytest.raises(DataError, match="does not list"):
        registry.load(folder(CLASSIFY)).order_bias(TEXTS)


def test_labels_by_codes_are_answered_as_labels(folder):
    """The model writes a code of one token; the answer is the label."""
    codes = tuple(zip(LABELS, "ABCD", strict=True))
    words = instruction_of(Kind.CLASSIFY, labels=LABELS, codes=codes)
    model = registry.load(folder(CLASSIFY, prompt=Prompt(instruction=words, codes=codes).to_json()))
    assert model.is_one_pass
    assert {answer.text for answer in ask(model, TEXTS)} <= set(LABELS)


def test_extracts_json_of_the_schema(folder):
    """Chance weights and still valid: the schema holds every answer; confidence is a probability."""
    model = registry.load(folder(EXTRACT))
    assert isinstance(model, GgufWriter)
    assert not isinstance(model, Classifier)
    for answer in ask(model, TEXTS):
        assert json.loads(str(answer.text))["intent"] in {"refund", "lost card"}
        assert 0 < (answer.confidence or 0) < 1
        assert answer.usage.output_tokens
        assert answer.usage.input_tokens


def test_json_that_is_not_whole_is_a_wrong_answer_with_a_reason(folder):
    """Out of tokens, or against what the grammar could not hold: no text, a note, and no exception."""
    short = folder(EXTRACT, limits={"context_tokens": 512, "max_answer_tokens": 5})
    answer = ask(registry.load(short), TEXTS[:1])[0]
    assert (None, None, None) == (answer.text, answer.error, answer.confidence)
    assert any("cut at its 5 tokens" in note for note in answer.notes)
    odd = {"type": "array", "items": {"enum": [1, 2]}, "minItems": 3, "maxItems": 3, "uniqueItems": True}
    task = {"kind": "extract", "labels": [], "schema": odd}
    for answer in ask(registry.load(folder(EXTRACT, task=task)), TEXTS):
        assert answer.text is None
        assert any("against the schema" in note for note in answer.notes)


def test_generates_text_and_streams_it(folder):
    """The stream's pieces are the answer."""
    model = registry.load(folder(GENERATE))
    pieces = list(model.stream(Request(text=TEXTS[0])))
    whole = "".join(piece.text for piece in pieces)
    assert pieces[-1].completion is not None
    assert whole == pieces[-1].completion.text
    answers = ask(model, TEXTS)
    assert whole.strip() == answers[0].text
    assert all(0 <= (answer.confidence or 0) <= 1 for answer in answers)


def test_agreement_of_samples_lowers_the_confidence(folder):
    """Chance weights agree with themselves on nothing long; the answer itself stays the greedy one."""
    plain = ask(registry.load(folder(GENERATE)), TEXTS)
    sampled = ask(registry.load(folder(replace(GENERATE, samples=3))), TEXTS)
    assert [answer.text for answer in plain] == [answer.text for answer in sampled]
    for one, other in zip(plain, sampled, strict=True):
        assert (other.confidence or 0) < (one.confidence or 0)
        assert (other.usage.output_tokens or 0) > (one.usage.output_tokens or 0)


def test_calibrated_confidence_is_platts():
    """sigmoid(slope * logit(p) + intercept)."""
    assert pytest.approx(0.3) == Calibration().confidence(0.3)
    assert pytest.approx(0.5) == Calibration(slope=2.0).confidence(0.5)
    assert pytest.approx(1 / (1 + np.e)) == Calibration(intercept=-1.0).confidence(0.5)
    assert Calibration(slope=900.0).confidence(1.0) == pytest.approx(1.0)


def test_a_closed_model_says_so(folder):
    """Closing twice is harmless; asking afterwards is an error."""
    model = registry.load(folder(GENERATE))
    ask(model, TEXTS[:1])
    with pytest.raises(ModelError, match="closed"):
        ask(model, TEXTS[:1])
    with pytest.raises(ModelError, match="closed"):
        list(model.stream(Request(text="a")))
    classifier = registry.load(folder(CLASSIFY))
    ask(classifier, TEXTS[:1])
    with pytest.raises(ModelError, match="closed"):
        classifier.classify(TEXTS)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"task": {"kind": "rank"}}, "do not rank"),
        ({"task": {"kind": "other"}}, "other"),
        ({"task": {"kind": "classify", "labels": ["one"]}}, "two labels"),
        ({"task": {"kind": "extract", "schema": None}}, "JSON Schema"),
        ({"prompt": {"style": "plain"}}, "no prompt"),
        ({"limits": 3}, "cannot be used"),
        ({"calibration": {"unknown": 1}}, "unknown"),
        ({"calibration": {"temperature": 0.0}}, "temperature"),
        ({"answering": {"reading": "half"}}, "half"),
        ({"prompt": Prompt(instruction="long " * 900).to_json()}, "prompt alone is too long"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(folder, change: dict[str, object], why: str):
    """What is sealed is read strictly, before any request."""
    with pytest.raises(ArtefactError, match=why):
        registry.load(folder(CLASSIFY, **change))


def test_labels_and_schemas_that_cannot_be_answered_are_refused(folder):
    """Two labels of the same tokens; a schema that is none."""
    codes = tuple((label, "X") for label in LABELS)
    with pytest.raises(SpecError, match="same tokens"):
        registry.load(folder(CLASSIFY, prompt=Prompt(codes=codes).to_json()))
    with pytest.raises(SpecError, match="no JSON Schema"):
        registry.load(folder(EXTRACT, task={"kind": "extract", "schema": {"type": "nothing"}}))


def test_a_folder_without_its_weights_is_refused(folder):
    """Names the file that is missing."""
    place = folder(CLASSIFY)
    (place / "model.gguf").unlink()
    artefact.seal(place, kind="gguf", settings=CLASSIFY.to_json())
    with pytest.raises(ArtefactError, match=r"no model\.gguf"):
        registry.load(place)


def test_settings_survive_json():
    """What is read is what was sealed."""
    for settings in (CLASSIFY, EXTRACT, GENERATE):
        again = DecoderSettings.from_json(json.loads(json.dumps(settings.to_json())))
        assert settings == again
