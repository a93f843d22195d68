"""Agreement of further answers: how hot they are drawn, and what of an answer counts."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from suffice.errors import ArtefactError
from suffice.models import artefact, registry
from suffice.models.gguf.settings import DecoderSettings
from suffice.ports import Request
from suffice.task import Kind
from tests.unit.models.gguf import tiny_gguf

pytest.importorskip("xllamacpp", reason="the extra gguf serves GGUF files")

GENERATE = DecoderSettings(name="decoder", kind=Kind.GENERATE, max_answer_tokens=6)
TEXTS = ("the card and the refund", "lost in the end", "a fund for the lost")
FLOOR = 2e-6  # what an answer on which nothing agrees is worth


@pytest.fixture(name="confidences")
def _confidences(tmp_path: Path):
    tiny_gguf.write_byte_bpe(tmp_path / "model.gguf")

    def of(settings: DecoderSettings) -> list[float]:
        artefact.seal(tmp_path, kind="gguf", settings=json.loads(json.dumps(settings.to_json())))

        async def answers() -> list[float]:
            model = registry.load(tmp_path)
            try:
                return [a.confidence for a in await model.answer([Request(text=text) for text in TEXTS])]
            finally:
                await model.close()

        return asyncio.run(answers())

    return of


def test_cold_samples_all_agree(confidences):
    """At almost no temperature every sample is the answer itself: agreement is whole, and takes nothing."""
    cold = confidences(replace(GENERATE, samples=3, sample_temperature=1e-4))
    assert pytest.approx(confidences(GENERATE), abs=1e-4) == cold


def test_what_counts_is_the_answers_form(confidences):
    """Cold samples agree as texts; where the pattern finds nothing there is nothing to agree on."""
    cold = replace(GENERATE, samples=2, sample_temperature=1e-4)
    assert all(c > FLOOR for c in confidences(replace(cold, form={"metric": "normalised_match"})))
    assert all(c < FLOOR for c in confidences(replace(cold, form={"metric": "regex", "pattern": "zzzz"})))


def test_hot_samples_agree_on_nothing(confidences):
    """Six tokens drawn almost evenly from the vocabulary are never the same twice."""
    assert all(c < FLOOR for c in confidences(replace(GENERATE, samples=2, sample_temperature=50.0)))


@pytest.mark.parametrize(
    ("change", "why"),
    [({"sample_temperature": 0.0}, "above 0"), ({"form": {"metric": "taste"}}, "no form for the metric")],
)
def test_settings_without_sense_are_refused(confidences, change, why):
    """Samples at no temperature; a form nobody knows."""
    with pytest.raises(ArtefactError, match=why):
        confidences(replace(GENERATE, samples=2, **change))
