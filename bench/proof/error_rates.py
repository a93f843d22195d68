"""Type-I error at the boundary: every target, stopping rule and order."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import norm

from bench.proof.streams import Law, Stop, first_passages
from bench.proof.tables import markdown, share
from suffice.stats.ladder import Hypothesis, LadderPlan, Order, climb
from suffice.stats.mixtures import (
    agreement_bets,
    bernoulli_bets,
    cascade_bets,
    futility_bets,
    paired_bets,
)
from suffice.stats.paired import two_stage
from suffice.stats.paired_exact import rejects
from suffice.stats.prediction_powered import JudgePlan, powered_log_wealth

__all__ = ["section"]

ALPHA = 0.05
CAP = 4_000

TARGETS = {
    "absolute, bar .9": (bernoulli_bets(0.9), Law(wins=0.9)),
    "absolute, bar .9, design gap .05": (bernoulli_bets(0.9, design_gap=0.05), Law(wins=0.9)),
    "absolute, bar .6": (bernoulli_bets(0.6), Law(wins=0.6)),
    "agreement, margin .05": (agreement_bets(0.05), Law(wins=0.95)),
    "agreement, margin .02, design .01": (
        agreement_bets(0.02, design_disagreement=0.01),
        Law(wins=0.98),
    ),
    "paired, margin .02, b+c=.07": (
        paired_bets(0.02, disagreement=0.1),
        Law(wins=0.025, losses=0.045),
    ),
    "paired, margin .05, no hint": (paired_bets(0.05), Law(wins=0.1, losses=0.15)),
    "paired, margin .05, losses only": (
        paired_bets(0.05, disagreement=0.05),
        Law(wins=0.0, losses=0.05),
    ),
    "cascade, margin .05, bets for 1,000": (
        cascade_bets(0.05, variance=0.15, horizon=1_000, alpha=ALPHA),
        Law(wins=0.05, losses=0.1),
    ),
}


def section(reps: int) -> str:
    """Return the tables of this section."""
    rows: list[tuple[object, ...]] = []
    for name, (bets, law) in TARGETS.items():
        certify = Stop(bets=bets, error=ALPHA)
        futility = Stop(bets=futility_bets(bets), error=0.05)
        for rule, stop in (("none", None), ("futility", futility)):
            found = first_passages(law, certify, reps=reps, cap=CAP, futility=stop, seed=1)
            rows.append((name, rule, share(int(found.passed.sum()), reps)))
    rows += [("paired, two-stage, d=.2, margin .05", "pool of 1,000", two_stage_error(reps))]
    rows += [("absolute with an adversarial judge", "400 labels", judge_error(reps, 0.1))]
    rows += [("absolute with a good judge", "400 labels", judge_error(reps, 0.95))]
    rows += [
        (f"paired, one look, n={n}, margin {m}", "exact test", exact_error(n, m, reps))
        for n, m in ((500, 0.02), (1_000, 0.05))
    ]
    tests = markdown(
        f"Type-I error, one candidate exactly at the bar (alpha 5%, {reps} streams,"
        f" looked at after each of {CAP:,} rows)",
        ("target", "stop", "certified wrongly"),
        rows,
    )
    orders = markdown(
        f"Type-I error of the ladder: 5 candidates exactly at the bar, errors correlated"
        f" (alpha 5%, {reps} searches, 1,000 rows)",
        ("target", "order", "chosen wrongly"),
        [
            (target, order, ladder_error(target, order, reps))
            for target in ("absolute", "paired", "agreement")
            for order in ("ascending", "descending")
        ],
    )
    return tests + "\n" + orders


def two_stage_error(reps: int) -> str:
    """Return the share of wrong certificates of both stages together."""
    rng = np.random.default_rng(2)
    false = 0
    for count in rng.binomial(1_000, 0.2, reps):
        stage = two_stage(int(count), 1_000, margin=0.05, alpha=ALPHA)
        labelled = rng.choice([1.0, 0.0, -1.0], size=int(count), p=[0.225, 0.3, 0.475])
        false += stage.start().update(labelled).crossed
    return share(false, reps)


def judge_error(reps: int, quality: float) -> str:
    """Return the share of wrong certificates with judge labels right this often."""
    rng = np.random.default_rng(3)
    plan, false = JudgePlan(bar=0.8), 0
    for _ in range(reps):
        truth = rng.random((3, 400)) < 0.8
        judged = np.where(rng.random((3, 400)) < quality, truth, ~truth)
        path = powered_log_wealth(truth[0], judged[0], judged[1:].T, plan=plan)
        false += bool(path.max() >= math.log(1 / ALPHA))
    return share(false, reps)


def exact_error(n: int, margin: float, reps: int) -> str:
    """Return the share of wrong certificates of the exact paired test at one look."""
    counts = np.random.default_rng(4).multinomial(n, [0.05, 0.05 + margin, 0.9 - margin], reps)
    false = rejects(counts[:, 0], counts[:, 1], n, margin=margin, alpha=ALPHA)
    return share(int(false.sum()), reps)


def ladder_error(target: str, order: Order, reps: int) -> str:
    """Return how often the ladder chooses any of five candidates that are all at the bar."""
    rng = np.random.default_rng(5)
    bets = {
        "absolute": bernoulli_bets(0.85),
        "paired": paired_bets(0.05, disagreement=0.2),
        "agreement": agreement_bets(0.15),
    }[target]
    claims = [Hypothesis(name=str(i), claim=bets) for i in range(5)]
    plan = LadderPlan(alpha=ALPHA, order=order, max_n=1_000, block=1_000)
    chosen = 0
    for _ in range(reps):
        shared = rng.standard_normal(1_000)
        latent = math.sqrt(0.7) * shared + math.sqrt(0.3) * rng.standard_normal((5, 1_000))
        rows = (latent < norm.ppf(0.85)).astype(float)
        if target == "paired":
            # The reference is right on 90% of the rows, the candidates on 85%: E[D] = -5%.
            own = math.sqrt(0.7) * shared + math.sqrt(0.3) * rng.standard_normal(1_000)
            rows = rows - (own < norm.ppf(0.9))
        found = climb(claims, lambda i, a, b, rows=rows: rows[i, a:b], plan=plan)
        chosen += found.chosen is not None
    return share(chosen, reps)
