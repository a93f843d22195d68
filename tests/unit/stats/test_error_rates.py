"""Type-I error by simulation: every target, at the boundary, looking after every single row.

The e-process tests cap the streams; Ville's inequality holds for streams without end, so the
observed rates lie below alpha. `bench.proof` repeats this with 2,000 and more streams each.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from suffice.stats.betting import Bets, log_wealth
from suffice.stats.mixtures import agreement_bets, bernoulli_bets, cascade_bets, paired_bets
from suffice.stats.paired import two_stage

STREAMS = 400
# P(Binomial(400, .05) > 32) < 0.004.
MOST_FALSE = 32


def rows(law: dict[float, float], n: int, seed: int) -> np.ndarray:
    """Streams of observations with this law."""
    rng = np.random.default_rng(seed)
    return rng.choice(list(law), size=(STREAMS, n), p=list(law.values()))


def false_passes(bets: Bets, values: np.ndarray, alpha: float = 0.05) -> int:
    """Streams whose wealth ever reached 1 / alpha."""
    return int((log_wealth(values, bets) >= math.log(1 / alpha)).any(axis=1).sum())


@pytest.mark.parametrize(
    ("bets", "law"),
    [
        (bernoulli_bets(0.9), {1.0: 0.9, 0.0: 0.1}),
        (bernoulli_bets(0.7, design_gap=0.1), {1.0: 0.7, 0.0: 0.3}),
        (agreement_bets(0.05), {1.0: 0.95, 0.0: 0.05}),
        (agreement_bets(0.1, design_disagreement=0.03), {1.0: 0.9, 0.0: 0.1}),
        (paired_bets(0.05, disagreement=0.15), {1.0: 0.05, 0.0: 0.85, -1.0: 0.1}),
        (paired_bets(0.05), {1.0: 0.0, 0.0: 0.95, -1.0: 0.05}),
        (cascade_bets(0.05, variance=0.1, horizon=500, alpha=0.05), {1.0: 0.02, 0.0: 0.91, -1.0: 0.07}),
    ],
    ids=["absolute", "absolute-design", "agreement", "agreement-design", "paired", "one-sided", "cascade"],
)  # fmt: skip
def test_looking_after_every_row_keeps_alpha(bets: Bets, law: dict[float, float]) -> None:
    """Stopping at the first row where the wealth is large enough is wrong at most 5% of the time."""
    assert false_passes(bets, rows(law, 500, seed=23)) <= MOST_FALSE


def test_both_stages_together_keep_alpha() -> None:
    """A candidate exactly at -margin: the bound fails or the bet errs at most 5% of the time."""
    rng = np.random.default_rng(24)
    disagreement, margin = 0.2, 0.05
    false = 0
    for count in rng.binomial(1_000, disagreement, STREAMS):
        stage = two_stage(int(count), 1_000, margin=margin, alpha=0.05)
        # Given that outputs differ, E[D] = -margin / disagreement = -1/4.
        labelled = rng.choice([1.0, 0.0, -1.0], size=int(count), p=[0.225, 0.3, 0.475])
        false += stage.start().update(labelled).crossed
    assert false <= MOST_FALSE
