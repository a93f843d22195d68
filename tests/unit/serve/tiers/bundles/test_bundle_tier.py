"""A bundle as a tier: its replies, what it declines, and that company changes no answer."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from suffice.bundle import open_bundle
from suffice.errors import NotCertified
from suffice.models import artefact
from suffice.models.gguf.settings import DecoderSettings
from suffice.models.http.endpoint import Endpoint
from suffice.models.http.openai import OpenAIModel
from suffice.ports import Request
from suffice.serve.call import Operation
from suffice.serve.errors import LimitReached, TierFailed
from suffice.serve.reply import Place
from suffice.serve.tiers.bundles.batching import Batching
from suffice.serve.tiers.bundles.bundle_tier import BundleTier
from suffice.serve.tiers.bundles.serving import BundleSettings
from suffice.task import Kind
from tests.unit.adapt import toy_desk
from tests.unit.serve.tiers import tiny_run

TEXTS = [*toy_desk.texts(40, seed=5)[0], "zzz qqq", "日本語", "a"]


@pytest.fixture(name="rung", scope="module")
def rung_fixture(tmp_path_factory):
    """Returns a linear rung's folder, made once."""
    return tiny_run.linear(tmp_path_factory.mktemp("rung") / "linear")


@pytest.fixture(name="run")
def run_fixture(tmp_path, rung):
    """Returns a certified run folder."""
    return tiny_run.certify(tiny_run.bundle(tmp_path / "run", {"linear": rung}))


@asynccontextmanager
async def tier_of(run, **settings):
    """Gives a tier, and closes it twice."""
    tier = await BundleTier.opened(
        BundleSettings(name="desk", folder=run, workplace=run.parent / "work", **settings)
    )
    try:
        yield tier
    finally:
        await tier.close()
        await tier.close()


def test_a_kept_answer_carries_its_certificate(run):
    """The text is the model's, the rung is named, and the certificate is that of the bytes."""

    async def scene():
        async with tier_of(run) as tier:
            reply = await tier.answer(tiny_run.call("please repay my mortgage loan"))
            assert ("loan", "linear", False, "") == (reply.text, reply.model, reply.escalate, reply.why)
            assert ("desk", Place.LOCAL, 0.0) == (reply.tier, reply.place, reply.cost_usd)
            assert tier.certified.sha256 == reply.certificate
            assert reply.answer is not None
            assert reply.answer.confidence is not None
            assert reply.usage.input_tokens is None  # a linear model has no tokens: not known is not 0
        assert [] == list((run.parent / "work").iterdir())

    asyncio.run(scene())


def test_what_the_rule_passes_up_escalates_in_words(run):
    """Below the certified threshold there is no text, and the reason names rung and threshold."""

    async def scene():
        async with tier_of(run) as tier:
            reply = await tier.stream(tiny_run.call("zzz qqq"))
            assert (None, True) == (reply.text, reply.escalate)
            assert "below the certified threshold (linear 0.600)" in reply.why
            assert reply.certificate is not None

    asyncio.run(scene())


def test_company_and_order_change_no_answer(run):
    """Each of 43 texts at once is answered as when it is the only one, bit for bit."""

    async def scene():
        async with tier_of(run, batching=Batching(most=7)) as tier:
            replies = await asyncio.gather(*(tier.answer(tiny_run.call(text)) for text in TEXTS))
            assert len(TEXTS) > tier.load.batches
            return [(reply.answer.text, reply.answer.confidence) for reply in replies]

    together = asyncio.run(scene())
    assert tiny_run.directly(open_bundle(run / "bundle").model, TEXTS) == together


def test_company_changes_no_answer_of_an_encoder(tmp_path, rung):
    """The same text from the same rung; its confidence moves by no more than a sum's order of additions."""
    rungs = {"linear": rung, "encoder": tiny_run.encoder(tmp_path / "encoder")}
    run = tiny_run.certify(tiny_run.bundle(tmp_path / "run", rungs, has_reference=False))

    async def scene():
        async with tier_of(run, batching=Batching(most=16)) as tier:
            replies = await asyncio.gather(*(tier.answer(tiny_run.call(text)) for text in TEXTS))
            assert {"linear", "encoder"} <= {reply.model for reply in replies}
            return [(reply.text, reply.answer.confidence) for reply in replies]

    together = asyncio.run(scene())
    alone = tiny_run.directly(open_bundle(run / "bundle").model, TEXTS)
    assert [text for text, _ in alone] == [text for text, _ in together]
    for (_, one), (_, other) in zip(alone, together, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


def test_a_text_too_long_goes_up_with_both_numbers_and_harms_no_other(tmp_path):
    """What does not fit a decoder's context is not cut: it escalates; tokens are counted for what fits."""
    from tests.unit.models.gguf import tiny_gguf  # noqa: PLC0415 - skips where the extra train is absent

    folder = tmp_path / "decoder"
    folder.mkdir()
    tiny_gguf.write_byte_bpe(folder / "model.gguf")
    settings = DecoderSettings(name="decoder", kind=Kind.CLASSIFY, labels=toy_desk.LABELS)
    artefact.seal(folder, kind="gguf", settings=settings.to_json())
    run = tiny_run.certify(tiny_run.bundle(tmp_path / "run", {"decoder": folder}, threshold=None))

    async def scene():
        async with tier_of(run) as tier:
            calls = [tiny_run.call(text) for text in ("my card", "card " * 3_000, "my loan")]
            return await asyncio.gather(*map(tier.answer, calls))

    short, long, other = asyncio.run(scene())
    assert (None, True) == (long.text, long.escalate)
    assert "the context holds 512" in long.why
    assert {short.text, other.text} <= set(toy_desk.LABELS)
    assert 0 < short.usage.input_tokens < 512


def test_texts_are_read_as_rows_were(run):
    """NUL and half characters are treated as in training, so that an answer cannot differ for them."""

    async def scene():
        async with tier_of(run) as tier:
            plain = await tier.answer(tiny_run.call("repay my loan \ufffd"))
            odd = await tier.answer(tiny_run.call("re\0pay my loan \ud800"))
            assert plain.answer.confidence == odd.answer.confidence

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"body": {"tools": [{"type": "function"}]}}, "calls no tools"),
        ({"body": {"functions": [{"name": "f"}]}}, "calls no functions"),
        ({"body": {"modalities": ["text", "audio"]}}, "in text alone"),
        ({"body": {"n": 2}}, "one answer"),
        ({"body": {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}}, "reads texts alone"),
        ({"operation": Operation.EMBEDDING}, "does not do embeddings"),
    ],
)
def test_what_no_bundle_has_is_the_next_tiers(run, more, why):
    """Tools, images, several answers and vectors are declined, so that the next tier is tried."""

    async def scene():
        async with tier_of(run) as tier:
            with pytest.raises(TierFailed, match=why) as declined:
                await tier.answer(tiny_run.call("loan", **more))
            assert not declined.value.is_callers_fault

    asyncio.run(scene())


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [], "functions": None, "n": 1, "modalities": ["text"]},
        {"tools": [{"type": "function"}], "tool_choice": "none", "n": None},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "loan"}]}, "odd", {}]},
    ],
)
def test_what_asks_for_nothing_more_is_answered(run, body):
    """Empty lists, a forbidden tool and parts of text are no reason to decline."""

    async def scene():
        async with tier_of(run) as tier:
            assert "loan" == (await tier.answer(tiny_run.call("repay my mortgage loan", body=body))).text

    asyncio.run(scene())


def test_an_uncertified_bundle_serves_without_a_certificate(tmp_path, rung):
    """Only where allowed; its replies have none to show."""
    run = tiny_run.bundle(tmp_path / "run", {"linear": rung})

    async def scene():
        with pytest.raises(NotCertified):
            async with tier_of(run):
                pass
        async with tier_of(run, allow_uncertified=True) as tier:
            reply = await tier.answer(tiny_run.call("repay my mortgage loan"))
            assert ("loan", None) == (reply.text, reply.certificate)

    asyncio.run(scene())


def test_changed_bytes_are_never_served(run):
    """The gateway refuses a bundle whose bytes do not match its certificate, and leaves no copy."""
    weights = run / "bundle/model/tiers/0/weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))

    async def scene():
        with pytest.raises(NotCertified, match=r"weights\.safetensors was changed"):
            async with tier_of(run, allow_uncertified=True):
                pass
        assert [] == list((run.parent / "work").iterdir())

    asyncio.run(scene())


def test_what_changes_after_the_check_is_not_served(run):
    """The bytes were copied while they were hashed: overwriting the run folder changes no answer."""

    async def scene():
        async with tier_of(run, processes=1) as tier:
            before = await tier.answer(tiny_run.call(TEXTS[0]))
            for path in (run / "bundle").rglob("*.*"):
                path.write_bytes(b"{}")
            after = await tier.answer(tiny_run.call(TEXTS[0]))
            assert (before.answer.text, before.answer.confidence) == (after.text, after.answer.confidence)

    asyncio.run(scene())


def test_a_bundle_that_asks_a_server_is_not_local(tmp_path, rung):
    """Its place says so, its price is not known, and what must stay on this machine is declined."""
    served = tmp_path / "served"
    served.mkdir()
    OpenAIModel(Endpoint(base_url="http://127.0.0.1:9/v1", model="m"), name="served").seal(served)
    run = tiny_run.certify(
        tiny_run.bundle(tmp_path / "run", {"linear": rung, "served": served}, threshold=0.6)
    )

    async def scene():
        async with tier_of(run) as tier:
            assert Place.REMOTE is tier.place
            kept = await tier.answer(tiny_run.call("repay my mortgage loan"))
            assert ("loan", Place.REMOTE, None) == (kept.text, kept.place, kept.cost_usd)
            with pytest.raises(TierFailed, match="must stay on this machine"):
                await tier.answer(tiny_run.call("repay my mortgage loan", local_only=True))
            with pytest.raises(TierFailed, match="not masked"):
                await tier.answer(tiny_run.call("repay ann@example.org", masked_body={"messages": []}))
            with pytest.raises(TierFailed, match="asks a server"):
                await tier.explain(Request(text="repay my mortgage loan"))

    asyncio.run(scene())


def test_a_full_queue_is_a_limit(run):
    """429 for who comes too many; whoever was taken is answered."""

    async def scene():
        async with tier_of(run, batching=Batching(most=1, queue=2)) as tier:
            calls = [tiny_run.call(TEXTS[0], number=number) for number in range(9)]
            given = await asyncio.gather(*map(tier.answer, calls), return_exceptions=True)
            refused = [one for one in given if isinstance(one, LimitReached)]
            assert 0 < len(refused) < 9
            assert all(one.retry_after_s > 0 for one in refused)
            assert 9 == len(refused) + sum(not isinstance(one, Exception) for one in given)

    asyncio.run(scene())


def test_the_reasons_of_every_rung_are_told(run):
    """n-grams, probabilities, score and threshold; a reference that is not here is named."""

    async def scene():
        async with tier_of(run) as tier:
            kept = await tier.explain(Request(text="repay my mortgage loan"))
            passed_up = await tier.explain(Request(text="zzz qqq"))
            return kept, passed_up

    kept, passed_up = asyncio.run(scene())
    [rung] = kept.rungs
    assert ("linear", 0.6, True, "loan") == (rung.name, rung.threshold, rung.is_kept, rung.text)
    assert rung.score == pytest.approx(rung.confidence * (1 - rung.novelty))
    assert ("loan", rung.confidence) == rung.probabilities[0]
    assert any("loan" in reason.evidence or "mort" in reason.evidence for reason in rung.reasons)
    assert [("linear", False), ("reference", False)] == [(one.name, one.is_kept) for one in passed_up.rungs]
    assert passed_up.rungs[1].is_absent
    assert passed_up.rungs[0].score < 0.6
