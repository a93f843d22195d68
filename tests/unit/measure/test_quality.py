"""Quality: scores by sample, and their mean with the interval that fits them."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from suffice.measure import quality
from suffice.models.recorded import RecordedModel
from suffice.ports import Score
from suffice.task import Sample, Split


class SameText:
    """Scores 1 for equal texts, None where nothing is wanted."""

    async def score(self, wanted: Sequence[Any], answers: Sequence[str | None]) -> list[Score]:
        """Returns the scores."""
        pairs = zip(wanted, answers, strict=True)
        return [Score(value=None if want is None else float(want == answer)) for want, answer in pairs]


SAMPLES = [Sample(key=str(i), text=f"text {i}", target="yes", reference="no") for i in range(10)]
MODEL = RecordedModel("m", {str(i): "yes" if i < 8 else "no" for i in range(10)})


def test_accuracy_with_wilsons_interval() -> None:
    """8 of 10 right: 0.8, with the textbook interval (0.490, 0.943), on the split it was measured on."""
    found = asyncio.run(quality.measure(MODEL, SAMPLES, SameText(), split=Split.DEV))
    measured = found.measurement
    assert measured.interval is not None
    assert (0.8, 10, "dev", "wilson") == (
        measured.value,
        measured.n,
        measured.split,
        measured.interval.method,
    )
    assert pytest.approx((0.4902, 0.9433), abs=1e-4) == (measured.interval.lower, measured.interval.upper)
    assert [1.0] * 8 + [0.0] * 2 == found.scores.tolist()


def test_against_the_reference() -> None:
    """Compared with the reference's answers, which are not truth, the same answers score otherwise."""
    found = asyncio.run(quality.measure(MODEL, SAMPLES, SameText(), against="reference"))
    assert (0.2, "reference") == (found.measurement.value, found.against)


def test_unlabelled_samples_do_not_count() -> None:
    """Where nothing is wanted the score is NaN, and n is the number of the others."""
    samples = [*SAMPLES[:2], Sample(key="9", text="")]
    found = asyncio.run(quality.measure(MODEL, samples, SameText()))
    assert 2 == found.measurement.n
    assert np.isnan(found.scores[2])


def test_no_truth_at_all_is_not_measured() -> None:
    """Without one target there is no quality: the reason says how many samples lack theirs."""
    found = asyncio.run(quality.measure(MODEL, [Sample(key="1", text="")], SameText()))
    assert "none of 1 samples has what its answer would be compared with" == found.measurement.unmeasured


def test_shades_get_the_betting_interval() -> None:
    """Scores between 0 and 1 are no counts: Wilson's interval does not hold, betting's does."""
    measured = quality.summary(np.full(50, 0.5))
    assert measured.interval is not None
    assert "betting" in measured.interval.method
    assert measured.interval.lower < 0.5 < measured.interval.upper


def test_targets_never_reach_the_model() -> None:
    """A request holds the input and its key, nothing else."""
    [request] = quality.requests_of(SAMPLES[:1])
    assert ("text 0", "0", ()) == (request.text, request.key, request.messages)
