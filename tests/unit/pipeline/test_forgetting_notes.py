"""What a run says about what tuned decoders forgot."""

from pathlib import Path

import pytest

from suffice.models import artefact
from suffice.pipeline.tell.forgetting_notes import forgetting_note


@pytest.mark.parametrize(
    ("rise", "words"),
    [
        ((0.5, 0.25, 0.75), "+0.50, 95% interval +0.25 to +0.75), before quantising: it forgot some"),
        ((0.1, -0.25, 0.45), "no forgetting is seen there"),
        ((-0.5, -0.75, -0.25), "it got better there"),
    ],
)
def test_the_canary_is_read_by_its_interval(tmp_path: Path, rise: tuple[float, float, float], words: str):
    """The sentence names both losses, the rise with its interval, and what that shows."""
    (tmp_path / "model.gguf").write_bytes(b"weights")
    canary = {"base_loss": 3.0, "tuned_loss": 3.0 + rise[0], "sentences": 40}
    canary |= dict(zip(("rise", "rise_low", "rise_high"), rise, strict=True))
    artefact.seal(tmp_path, kind="gguf", settings={"training": {"canary": canary}})
    said = forgetting_note("small", tmp_path)
    assert said is not None
    assert said.startswith(
        f"small: tuning moved its loss on 40 plain sentences from 3.00 to {3 + rise[0]:.2f}"
    )
    assert words in said


def test_what_was_not_tuned_has_no_note(tmp_path: Path):
    """A folder without artefact, one that says nothing of training, one that was trained from scratch."""
    assert forgetting_note("recorded", tmp_path) is None
    for settings in ({}, {"training": {"epochs": 3}}):
        artefact.seal(tmp_path, kind="gguf", settings=settings)
        assert forgetting_note("small", tmp_path) is None
