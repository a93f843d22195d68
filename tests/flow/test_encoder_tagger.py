"""The tagger that reads an encoder's states, from task file to certificate, prediction and gateway tier."""

import asyncio
import json

import pytest

import suffice
from suffice import bundle
from suffice.adapt.encoder.weights import find_encoder
from suffice.bar import Verdict
from suffice.certify.statement import BUNDLE
from suffice.errors import ArtefactError
from suffice.models import registry
from suffice.ports import Request
from suffice.serve.tiers.bundles.bundle_tier import BundleTier
from suffice.serve.tiers.bundles.serving import BundleSettings
from tests.flow.test_kinds import forecasts, written
from tests.unit.serve.tiers import tiny_run

pytestmark = pytest.mark.slow
TASK = """\
version: 1
name: forecasts
kind: extract
instruction: Say which forecast is asked for.
data: rows.jsonl
target: want
splits: {train: 0.2, dev: 0.3, certify: 0.5}
bars: {quality: {metric: exact_match, target: absolute, at_least: 0.8}, latency_p95_ms: 1000}
ladder: [{kind: tagger, method: encoder-tagger, name: reader, threads: 1, layers: 2}]
"""


def test_a_tagger_with_an_encoder_from_task_file_to_gateway(tmp_path):
    """It is certified, told of, asked for predictions, and served in batches that change no answer."""
    try:
        find_encoder()
    except ArtefactError:
        pytest.skip("the weights of all-MiniLM-L6-v2 are not on this machine")
    run = tmp_path / "run"
    facts = suffice.run(written(tmp_path, forecasts(400), TASK), out=run).facts
    assert (Verdict.PASS, "reader") == (facts.verdict, facts.chosen.name)
    assert all(check.is_met for check in suffice.verify(run))
    assert 10e6 < facts.candidates[0].bytes < 20e6
    assert facts.candidates[0].latency_ms.p50 > 0
    assert {"dev", "certify"} == {one.split for one in facts.extraction}
    (tmp_path / "new.jsonl").write_text('{"text": "abc Rome xyz 3 days 7"}\n')
    suffice.predict(run, tmp_path / "new.jsonl", tmp_path / "out.jsonl")
    answer = json.loads((tmp_path / "out.jsonl").read_text())["answer"]
    assert {"intent": "forecast", "slots": {"city": "Rome", "days": 3}} == answer
    served(run)


def served(run):
    """Thirty calls at once get what each gets alone, and tokens are counted; no text vectors are promised."""
    texts = [row["text"] for row in forecasts(30, seed=4)]
    model = registry.load(run / BUNDLE / "model")
    alone = [asyncio.run(model.answer([Request(text=text)]))[0].text for text in texts]

    async def scene():
        tier = await BundleTier.opened(BundleSettings(name="desk", folder=run, workplace=run.parent / "work"))
        try:
            return await asyncio.gather(*(tier.answer(tiny_run.call(text)) for text in texts)), tier.load
        finally:
            await tier.close()

    replies, load = asyncio.run(scene())
    assert alone == [reply.text for reply in replies]
    assert all(reply.usage.input_tokens > 2 for reply in replies)
    assert load.batches < len(texts)
    assert bundle.encoder_folder(run / BUNDLE) is None
