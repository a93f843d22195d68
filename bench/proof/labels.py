"""Labels to certify non-inferiority where only disagreements are labelled."""

from __future__ import annotations

import numpy as np

from bench.proof.streams import Law, Stop, first_passages
from bench.proof.tables import markdown, share
from suffice.stats.mixtures import paired_bets
from suffice.stats.paired import two_stage

__all__ = ["section"]

ALPHA = 0.05
PAIRS = 20_000
BOTH_WRONG = 0.3
# d, margin, and the two-stage mean that the reference simulation needed.
CASES = (
    (0.05, 0.01, 140), (0.05, 0.02, 34), (0.10, 0.01, 547), (0.10, 0.02, 137),
    (0.10, 0.05, 23), (0.20, 0.02, 551), (0.20, 0.05, 89), (0.30, 0.05, 187),
)  # fmt: skip


def section(reps: int) -> str:
    """Return the tables of this section."""
    rows = []
    for disagreement, margin, published in CASES:
        two, power = two_stage_labels(disagreement, margin, reps)
        one = one_stage_labels(disagreement, margin, reps)
        wrong, _ = two_stage_labels(disagreement, margin, reps, difference=-margin)
        rows.append(
            (
                disagreement, margin, published, f"{two.mean():.0f}/{np.quantile(two, 0.95):.0f}",
                f"{two.std() / np.sqrt(reps):.0f}", share(power, reps),
                f"{one.mean():.0f}/{np.quantile(one, 0.95):.0f}",
                f"{one.mean() / disagreement:,.0f}",
                share(int((wrong < PAIRS).sum()), reps),
            )
        )  # fmt: skip
    return markdown(
        f"Labels to certify a twin (true difference 0), alpha 5%, {PAIRS:,} unlabelled pairs for two"
        f" stages, both wrong on 30% of disagreements, {reps} repetitions",
        ("d", "margin", "two-stage, reference", "two-stage: mean/p95", "s.e.", "power",
         "one stage: mean/p95", "pairs used by one stage", "two-stage, true difference -margin"),
        rows,
    )  # fmt: skip


def two_stage_labels(
    disagreement: float, margin: float, reps: int, *, difference: float = 0.0
) -> tuple[np.ndarray, int]:
    """Return labels used in each repetition (PAIRS where never certified) and the passes."""
    rng = np.random.default_rng(21)
    tilt = difference / disagreement / 2
    law = Law(wins=(1 - BOTH_WRONG) / 2 + tilt, losses=(1 - BOTH_WRONG) / 2 - tilt)
    labels, passes = [], 0
    counts, sizes = np.unique(rng.binomial(PAIRS, disagreement, reps), return_counts=True)
    for count, size in zip(counts, sizes, strict=True):
        stage = two_stage(int(count), PAIRS, margin=margin, alpha=ALPHA)
        if stage.bets is None:
            labels += [0] * int(size)
            passes += int(size)
            continue
        stop = Stop(bets=stage.bets, error=stage.bet_alpha)
        found = first_passages(law, stop, reps=int(size), cap=int(count), seed=int(count))
        labels += np.where(found.passed, found.n, PAIRS if difference else count).tolist()
        passes += int(found.passed.sum())
    return np.array(labels), passes


def one_stage_labels(disagreement: float, margin: float, reps: int) -> np.ndarray:
    """Return the disagreements met, one label each, until the one-stage bet certifies."""
    rng = np.random.default_rng(22)
    half = disagreement * (1 - BOTH_WRONG) / 2
    stop = Stop(bets=paired_bets(margin, disagreement=disagreement), error=ALPHA)
    rows = first_passages(Law(wins=half, losses=half), stop, reps=reps, cap=200_000, seed=23).n
    # Rows whose outputs differ are a share d of the rows used.
    return rng.binomial(rows, disagreement)
