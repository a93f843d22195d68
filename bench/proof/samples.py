"""Rows to a decision against the KL lower bound: known and unknown gap."""

from __future__ import annotations

import numpy as np

from bench.proof.streams import Law, Stop, first_passages
from bench.proof.tables import markdown, share
from suffice.stats.bounds import klinf_paired, lower_bound_n
from suffice.stats.mixtures import bernoulli_bets, futility_bets, paired_bets

__all__ = ["section"]

ALPHA = BETA = 0.05
CASES = (
    (0.9, 0.01), (0.9, 0.02), (0.9, 0.05), (0.9, 0.08),
    (0.8, 0.01), (0.8, 0.02), (0.8, 0.05), (0.6, 0.02), (0.6, 0.05),
)  # fmt: skip


def section(reps: int) -> str:
    """Return the tables of this section."""
    return absolute(reps) + "\n" + paired(reps)


def absolute(reps: int) -> str:
    """Return rows, ratio and power of the two mixtures for an absolute bar."""
    rows = []
    for bar, gap in CASES:
        law = Law(wins=bar + gap)
        bound = law.bound_n(bar, low=0.0)
        cap = int(40 * bound) + 500
        wide = bernoulli_bets(bar)
        unknown = first_passages(law, Stop(bets=wide, error=ALPHA), reps=reps, cap=cap, seed=11)
        bets = bernoulli_bets(bar, design_gap=gap)
        known = first_passages(
            law,
            Stop(bets=bets, error=ALPHA),
            reps=reps,
            cap=cap,
            futility=Stop(bets=futility_bets(bets, gap=gap), error=BETA),
            seed=12,
        )
        rows.append(
            (
                bar, gap, f"{bound:,.0f}",
                f"{unknown.mean:,.0f}/{np.quantile(unknown.n, 0.95):,.0f}",
                f"{unknown.mean / bound:.2f} ± {unknown.mean_error / bound:.2f}",
                f"{known.mean:,.0f}/{np.quantile(known.n, 0.95):,.0f}",
                f"{known.mean / bound:.2f} ± {known.mean_error / bound:.2f}",
                share(int(known.passed.sum()), reps),
            )
        )  # fmt: skip
    return markdown(
        f"Absolute bar: rows to certify, alpha = beta = 5%, {reps} streams",
        ("bar", "gap", "KL bound", "unknown gap: mean/p95", "ratio (power 1)",
         "design gap + futility: mean/p95", "ratio", "power"),
        rows,
    )  # fmt: skip


def paired(reps: int) -> str:
    """Return rows and ratio of the paired bet, twins and others, with and without futility."""
    rows = []
    for disagreement, margin, difference in (
        (0.10, 0.02, 0.0), (0.10, 0.02, -0.008), (0.10, 0.02, 0.008),
        (0.05, 0.02, 0.0), (0.05, 0.01, 0.0), (0.20, 0.05, 0.0),
    ):  # fmt: skip
        half = 0.35 * disagreement
        law = Law(wins=half + difference / 2, losses=half - difference / 2)
        bound = lower_bound_n(klinf_paired(law.wins, law.losses, margin), alpha=ALPHA, beta=BETA)
        bets = paired_bets(margin, disagreement=disagreement)
        found = first_passages(law, Stop(bets=bets, error=ALPHA), reps=reps, cap=int(40 * bound), seed=13)
        stop = Stop(bets=futility_bets(bets, gap=margin), error=BETA)
        designed = first_passages(
            law, Stop(bets=bets, error=ALPHA), reps=reps, cap=int(40 * bound), futility=stop, seed=14
        )
        rows.append(
            (
                disagreement, margin, difference, f"{bound:,.0f}",
                f"{found.mean / bound:.2f} ± {found.mean_error / bound:.2f}",
                f"{designed.mean / bound:.2f} ± {designed.mean_error / bound:.2f}",
                share(int(designed.passed.sum()), reps),
            )
        )  # fmt: skip
    return markdown(
        f"Paired non-inferiority: rows to certify, alpha = beta = 5%, {reps} streams;"
        " exactly one right on 70% of the disagreements",
        ("d", "margin", "true difference", "KL bound", "ratio (power 1)",
         "ratio, futility against a twin", "power"),
        rows,
    )  # fmt: skip
