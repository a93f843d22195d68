"""What tuning makes a decoder forget."""

from pathlib import Path

import numpy as np
import pytest

from suffice.adapt.decoder.tuning import canary
from suffice.errors import SpecError


def test_the_rise_has_its_interval_over_the_sentences():
    """The paired interval of Student's t: 1 +- 2.776 * 1 / sqrt(5) for these five."""
    before = [1.0, 2.0, 3.0, 4.0, 5.0]
    rises = np.array([0.0, 0.5, 1.0, 1.5, 2.0])
    found = canary.forgetting(before, np.array(before) + rises)
    half = 2.7764 * rises.std(ddof=1) / np.sqrt(5)
    assert (3.0, 4.0, 5) == (found.base_loss, found.tuned_loss, found.sentences)
    assert (1.0, 1.0 - half, 1.0 + half) == pytest.approx(
        (found.rise, found.rise_low, found.rise_high), abs=1e-4
    )


def test_own_sentences_are_shipped_and_other_texts_taken(tmp_path: Path):
    """Forty of suffice's own; a file's lines without the empty ones; too few are refused."""
    assert 40 == len(set(canary.sentences()))
    own = tmp_path / "own.txt"
    own.write_text("\n\n".join(f"sentence {number}" for number in range(12)))
    assert tuple(f"sentence {number}" for number in range(12)) == canary.sentences(str(own))
    own.write_text("one line")
    with pytest.raises(SpecError, match="has 1 lines; 10 are wanted"):
        canary.sentences(str(own))
