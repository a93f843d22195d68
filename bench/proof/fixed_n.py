"""One exact test at a fixed number of rows beside bets that may stop at any row: errors, and rows needed."""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

from bench.proof.streams import Law, Stop, first_passages
from bench.proof.tables import markdown, share
from suffice.bar import QualityBar, Target
from suffice.certify.exact_claims import ExactClaim, ExactPairedClaim, exact_claim_of
from suffice.stats.mixtures import bernoulli_bets, paired_bets
from suffice.stats.paired_exact import rejects

__all__ = ["section"]

ALPHA, POWER, SETS = 0.05, 0.9, 2_000


def section(reps: int) -> str:
    """Return the tables of this section."""
    absolute = QualityBar(target=Target.ABSOLUTE, at_least=0.9)
    paired = QualityBar(target=Target.NON_INFERIOR, margin=0.02)
    wide = QualityBar(target=Target.NON_INFERIOR, margin=0.05)
    errors = [
        (title, n, share(passes(exact_claim_of(bar), law, n, reps), reps))
        for title, bar, law in (
            ("absolute, bar .9", absolute, Law(wins=0.9)),
            ("paired, margin .02, losses only", paired, Law(wins=0.0, losses=0.02)),
            ("paired, margin .02, b+c=.07", paired, Law(wins=0.025, losses=0.045)),
            ("paired, margin .05, b+c=.25", wide, Law(wins=0.1, losses=0.15)),
        )
        for n in (200, 1_000)
    ]
    needed = []
    for title, bar, law, bets in (
        ("absolute, bar .9, truly .93", absolute, Law(wins=0.93), bernoulli_bets(0.9, design_gap=0.03)),
        ("absolute, bar .9, truly .95", absolute, Law(wins=0.95), bernoulli_bets(0.9, design_gap=0.05)),
        (
            "paired, margin .02, d=.1, a twin", paired, Law(wins=0.04, losses=0.04),
            paired_bets(0.02, disagreement=0.1),
        ),
        (
            "paired, margin .05, d=.2, a twin", wide, Law(wins=0.08, losses=0.08),
            paired_bets(0.05, disagreement=0.2),
        ),
    ):  # fmt: skip
        found = first_passages(law, Stop(bets=bets, error=ALPHA), reps=reps, cap=20_000, seed=41)
        n = rows_for_power(exact_claim_of(bar), law)
        late = float(np.quantile(found.n, POWER))
        needed.append(
            (title, n, f"{late:,.0f}", f"{late / n:.2f}", f"{found.mean:,.0f}", f"{found.mean / n:.2f}")
        )
    return (
        markdown(
            f"Type-I error of one exact test, the system exactly at the bar (alpha 5%, {reps} sets of rows)",
            ("target", "rows", "certified wrongly"),
            errors,
        )
        + "\n"
        + markdown(
            f"Rows to certify with probability 90%: one exact test, and bets ({reps} streams)",
            ("target", "exact test", "bets: 90% are done by", "times as many", "bets: mean", "times as many"),
            needed,
        )
    )


def passes(claim: ExactClaim, law: Law, n: int, reps: int) -> int:
    """Return how many of `reps` sets of n rows pass."""
    draw = np.random.default_rng(n)
    counts = draw.multinomial(n, [law.wins, law.losses, max(0.0, 1 - law.wins - law.losses)], reps)
    if isinstance(claim, ExactPairedClaim):
        # The region of the claim's p-value, for all counts at once.
        return int(rejects(counts[:, 0], counts[:, 1], n, margin=claim.margin, alpha=ALPHA).sum())
    return int((binom.sf(counts[:, 0] - 1, n, claim.bar) <= ALPHA).sum())


def rows_for_power(claim: ExactClaim, law: Law) -> int:
    """Return the fewest rows, to 2%, with which 2,000 sets of rows pass in 90% of cases."""
    low, high = 10, 40
    while passes(claim, law, high, SETS) < POWER * SETS:
        low, high = high, 2 * high
    while high > 1.02 * low:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(claim, law, middle, SETS) >= POWER * SETS else (middle, high)
        if high - low <= 1:
            break
    return high
