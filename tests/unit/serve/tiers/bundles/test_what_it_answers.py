"""What a bundle can answer, as the review queue asks people for it: its labels, or its schema."""

import asyncio

import pytest

from suffice.serve.tiers.bundles.bundle_tier import BundleTier
from suffice.serve.tiers.bundles.serving import BundleSettings
from tests.unit.adapt import toy_desk
from tests.unit.serve.privacy import tiny_names
from tests.unit.serve.tiers import tiny_run


async def told(run):
    """Returns labels and schema of a run folder's bundle."""
    tier = await BundleTier.opened(BundleSettings(name="b", folder=run, allow_uncertified=True))
    try:
        return tier.labels, tier.answer_schema
    finally:
        await tier.close()


@pytest.mark.parametrize("kind", ["classify", "extract"])
def test_a_classifier_has_labels_and_an_extractor_a_schema(tmp_path, kind):
    """The schema also where the task file names none: that which its rung was made with."""
    if kind == "classify":
        run = tiny_run.bundle(tmp_path / "run", {"linear": tiny_run.linear(tmp_path / "linear")})
        assert (tuple(toy_desk.rows(160).labels), None) == asyncio.run(told(run))
    else:
        assert ((), tiny_names.SCHEMA) == asyncio.run(told(tiny_names.run(tmp_path / "run")))
