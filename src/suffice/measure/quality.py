"""How good a model's answers are on given samples: every sample's score, and their mean with its interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from suffice.measurement import Interval, Measurement, not_measured
from suffice.ports import Answer, Model, Request, Scorer
from suffice.stats import intervals
from suffice.task import JsonValue, Sample, Split

Against = Literal["target", "reference"]


@dataclass(frozen=True, kw_only=True)
class Quality:
    """One model on n samples: answers, scores (n,) with NaN where there is none, and their mean.

    `against` says what answers were compared with: the truth, or the reference's answers, which are
    not truth.
    """

    measurement: Measurement
    scores: NDArray[np.float64]
    answers: Sequence[Answer]
    against: Against


def requests_of(samples: Sequence[Sample]) -> list[Request]:
    """Returns what a model is asked for these samples; never their targets."""
    return [Request(text=sample.text, key=sample.key, messages=sample.messages) for sample in samples]


def wanted(samples: Sequence[Sample], against: Against) -> list[JsonValue]:
    """Returns what answers are compared with; None where it is not known."""
    return [sample.target if against == "target" else sample.reference for sample in samples]


async def ask(model: Model, samples: Sequence[Sample]) -> list[Answer]:
    """Returns the model's answers to the samples, in order.

    All are asked at once: who wants them kept bit by bit gives a model that does so
    (`models/remembered.Remembered`).

    Raises:
        ModelError: the model could not answer.
    """
    return await model.answer(requests_of(samples))


async def score(
    samples: Sequence[Sample], answers: Sequence[Answer], scorer: Scorer, *, against: Against = "target"
) -> NDArray[np.float64]:
    """Returns each sample's score in [0, 1], (n,); NaN where what was wanted is not known."""
    scores = await scorer.score(wanted(samples, against), [answer.text for answer in answers])
    return np.array([math.nan if one.value is None else one.value for one in scores], dtype=np.float64)


async def measure(
    model: Model,
    samples: Sequence[Sample],
    scorer: Scorer,
    *,
    against: Against = "target",
    split: Split | None = None,
) -> Quality:
    """Returns the quality of a model on samples, measured in one look.

    Raises:
        ModelError: the model could not answer.
    """
    answers = await ask(model, samples)
    scores = await score(samples, answers, scorer, against=against)
    return Quality(measurement=summary(scores, split=split), scores=scores, answers=answers, against=against)


def summary(scores: NDArray[np.float64], *, split: Split | None = None, level: float = 0.95) -> Measurement:
    """Returns the mean of scores with its interval: Wilson's for right or wrong, betting's for shades.

    NaN scores are left out, and out of n.
    """
    known = scores[~np.isnan(scores)]
    name = None if split is None else split.value
    if known.size == 0:
        why = f"none of {scores.size} samples has what its answer would be compared with"
        return not_measured("quality", "share", why=why)
    is_binary = bool(np.isin(known, (0.0, 1.0)).all())
    n = int(known.size)
    ends = (
        intervals.wilson(int(known.sum()), n, level) if is_binary else intervals.betting(known, level=level)
    )
    return Measurement(
        quantity="quality",
        value=float(known.mean()),
        unit="share",
        n=n,
        interval=Interval(lower=ends.lower, upper=ends.upper, level=ends.level, method=ends.method),
        split=name,
    )
