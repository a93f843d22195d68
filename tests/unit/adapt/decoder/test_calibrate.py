"""A decoder's confidence is set on dev, and its folder stays one whole."""

from pathlib import Path

import numpy as np
import pytest

from suffice import fingerprint
from suffice.adapt.decoder.calibrate import calibrate, platt
from suffice.models import artefact, registry
from suffice.models.gguf.settings import Calibration, DecoderSettings
from suffice.task import Kind, Sample
from tests.unit.models.gguf import tiny_gguf

pytest.importorskip("xllamacpp", reason="the extra gguf serves GGUF files")

LABELS = ("card", "refund", "the end")


def sealed(folder: Path, settings: DecoderSettings) -> Path:
    """Returns the folder of a decoder of chance weights."""
    tiny_gguf.write_byte_bpe(folder / "model.gguf")
    artefact.seal(folder, kind="gguf", settings=settings.to_json() | {"training": {"kept": True}})
    return folder


def rows(count: int, target: str) -> list[Sample]:
    """Returns texts with one target, and one without any."""
    texts = [f"the text {index}" for index in range(count)]
    known = [Sample(key=fingerprint.of_text(text), text=text, target=target) for text in texts]
    return [*known, Sample(key="none", text="nobody knows")]


def test_a_curve_brings_confidence_to_the_truth():
    """Rows whose confidence says 0.9 are right in six of ten: then 0.9 becomes 0.6, and order is kept."""
    rng = np.random.default_rng(0)
    said = np.where(rng.random(4_000) < 0.5, 0.9, 0.5)
    right = rng.random(4_000) < np.where(said > 0.7, 0.6, 0.3)
    slope, intercept = platt(list(said), list(right))
    calibration = Calibration(slope=slope, intercept=intercept)
    assert pytest.approx(0.6, abs=0.04) == calibration.confidence(0.9)
    assert pytest.approx(0.3, abs=0.04) == calibration.confidence(0.5)


@pytest.mark.parametrize("right", [True, False])
def test_rows_that_are_all_right_or_all_wrong_make_nothing_certain(right: bool):  # noqa: FBT001 - parametrised
    """Platt's own correction: never 0, never 1."""
    slope, intercept = platt([0.6, 0.7, 0.8] * 30, [right] * 90)
    found = Calibration(slope=slope, intercept=intercept).confidence(0.7)
    assert 0.9 < (found if right else 1 - found) < 0.999


def test_confidence_that_falls_with_truth_is_levelled():
    """The order of trust is never turned round."""
    slope, intercept = platt([0.9] * 50 + [0.2] * 50, [False] * 50 + [True] * 50)
    assert 0.0 == slope
    assert pytest.approx(0.5) == Calibration(slope=slope, intercept=intercept).confidence(0.9)


def test_labels_get_a_temperature_and_a_novelty(tmp_path: Path):
    """Chance weights that are sure of what is wrong are cooled; the answers and all else stay."""
    folder = sealed(tmp_path, DecoderSettings(name="d", kind=Kind.CLASSIFY, labels=LABELS))
    before = registry.load(folder)
    texts = [sample.text for sample in rows(60, "card")]
    plain = before.classify(texts)
    wrong = LABELS[int(plain.probabilities.mean(axis=0).argmin())]
    found = calibrate(folder, rows(60, wrong))
    after = registry.load(folder).classify(texts)
    assert found.temperature > 1
    assert (plain.probabilities.argmax(axis=1) == after.probabilities.argmax(axis=1)).all()
    assert after.probabilities.max() < plain.probabilities.max()
    assert 0.3 < float((after.novelty < 0.06).mean()) < 0.7
    assert {"kept": True} == artefact.unseal(folder).settings["training"]


def test_written_answers_get_a_curve(tmp_path: Path):
    """Answers that are all wrong are not to be trusted afterwards; calibrating twice changes nothing."""
    schema = {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"]}
    schema["additionalProperties"] = False
    folder = sealed(tmp_path, DecoderSettings(name="d", kind=Kind.EXTRACT, schema=schema))
    dev = [Sample(key=str(index), text=f"the text {index}", target={"a": 3}) for index in range(55)]
    found = calibrate(folder, dev)
    assert found.confidence(0.9) < 0.05
    again = calibrate(folder, dev)
    np.testing.assert_allclose(found.confidence(0.9), again.confidence(0.9), atol=1e-4)


def test_too_few_rows_leave_it_neutral(tmp_path: Path):
    """Under 50 rows with a target nothing is fitted."""
    folder = sealed(tmp_path, DecoderSettings(name="d", kind=Kind.CLASSIFY, labels=LABELS))
    assert Calibration() == calibrate(folder, rows(49, "card"))
    assert vars(Calibration()) == artefact.unseal(folder).settings["calibration"]
