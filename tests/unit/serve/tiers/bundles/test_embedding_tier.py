"""Vectors from a bundle's encoder: the same alone and in company, whole texts or an error."""

import asyncio

import numpy as np
import pytest

from suffice.bundle import encoder_folder
from suffice.errors import ArtefactError
from suffice.models.embedder import Embedder
from suffice.serve.errors import LimitReached, TierFailed, TooLarge
from suffice.serve.tiers.bundles.batching import Batching
from suffice.serve.tiers.bundles.embedding_tier import EmbeddingTier
from suffice.serve.tiers.bundles.serving import BundleSettings
from tests.unit.serve.tiers import tiny_run

TEXTS = ["lost my card", "thanks", "", "日本語 please", "hello " * 600]


@pytest.fixture(name="run", scope="module")
def run_fixture(tmp_path_factory):
    """Returns an uncertified run folder with an encoder rung."""
    folder = tmp_path_factory.mktemp("embedding")
    return tiny_run.bundle(folder / "run", {"encoder": tiny_run.encoder(folder / "encoder")})


def settings_of(run, **batching):
    """Returns settings that allow the run."""
    return BundleSettings(
        name="vectors",
        folder=run,
        allow_uncertified=True,
        workplace=run.parent / "work",
        batching=Batching(**batching),
    )


def test_vectors_are_the_encoders_whatever_the_company(run):
    """Unit vectors in order with token counts; the same bits alone, together and from two callers."""

    async def scene():
        tier = await EmbeddingTier.opened(settings_of(run, most=3))
        together, again = await asyncio.gather(tier.embed(TEXTS), tier.embed(TEXTS[::-1], owner="bob"))
        alone = [(await tier.embed([text])).vectors[0] for text in TEXTS]
        nothing = await tier.embed([])
        await tier.close()
        await tier.close()
        return together, again, alone, nothing

    together, again, alone, nothing = asyncio.run(scene())
    wanted = Embedder(encoder_folder(run / "bundle")).embed(TEXTS)
    assert wanted.vectors.dtype == together.vectors.dtype
    assert wanted.vectors.tobytes() == together.vectors.tobytes() == np.stack(alone).tobytes()
    assert again.vectors[::-1].tobytes() == together.vectors.tobytes()
    assert tuple(wanted.tokens_read) == together.tokens
    assert (0, together.vectors.shape[1]) == nothing.vectors.shape
    assert [] == list((run.parent / "work").iterdir())


def test_a_text_too_long_is_an_error_with_both_numbers(run):
    """Nothing is cut: the input is named, with what could be read and what there is."""

    async def scene():
        tier = await EmbeddingTier.opened(settings_of(run))
        try:
            with pytest.raises(TooLarge, match=r"input 1 .* 2032 of 5000 tokens") as refused:
                await tier.embed(["card", "card " * 5_000])
            with pytest.raises(TooLarge, match="of 70000 characters"):
                await tier.embed(["c" * 70_000])
            assert 1 == len((await tier.embed(["card"])).tokens)
        finally:
            await tier.close()
        return refused.value

    assert ("input", 413) == (asyncio.run(scene()).param, 413)


def test_many_inputs_are_no_flood(run):
    """More inputs than the queue holds go through it in parts; a deadline ends them."""

    async def scene():
        tier = await EmbeddingTier.opened(settings_of(run, most=4, queue=8))
        try:
            made = await tier.embed(["card", "lost"] * 20)
            assert 40 == len(made.tokens)
            with pytest.raises(TierFailed, match="time was up"):
                await tier.embed(["card"], deadline_s=0.0)
            floods = [tier.embed(["card"] * 4, owner=str(number)) for number in range(20)]
            given = await asyncio.gather(*floods, return_exceptions=True)
            assert any(isinstance(one, LimitReached) for one in given)
            assert any(not isinstance(one, Exception) for one in given)
        finally:
            await tier.close()

    asyncio.run(scene())


def test_a_bundle_without_an_encoder_is_named(tmp_path):
    """A linear bundle has no vectors to give."""
    run = tiny_run.bundle(tmp_path / "run", {"linear": tiny_run.linear(tmp_path / "linear")})

    async def scene():
        with pytest.raises(ArtefactError, match=r"no rung of .*run has a sentence encoder"):
            await EmbeddingTier.opened(settings_of(run))
        assert [] == list((tmp_path / "work").iterdir())

    asyncio.run(scene())
