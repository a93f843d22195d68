"""Whole searches: six ladder scenarios, both orders against fixed-n testing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import norm

from bench.proof.tables import markdown, share
from suffice.stats.ladder import Hypothesis, LadderPlan, Order, climb
from suffice.stats.mixtures import bernoulli_bets

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["section"]

BAR, ALPHA, CAP = 0.85, 0.05, 5_000
COSTS = (1, 3, 10, 30, 100, 300)
SCENARIOS = {
    "clear": (0.70, 0.78, 0.89, 0.91, 0.92, 0.93),
    "near bar": (0.78, 0.835, 0.875, 0.89, 0.90, 0.91),
    "bad at bar": (0.70, 0.80, 0.849, 0.89, 0.90, 0.92),
    "all good": (0.88, 0.89, 0.90, 0.91, 0.92, 0.93),
    "only largest good": (0.60, 0.65, 0.70, 0.75, 0.80, 0.90),
}
# Planned for a gap of 2 points with Bonferroni over the candidates (the scenarios' usual plan).
FIXED_N, NAIVE_N = 4_950, 200


def section(reps: int) -> str:
    """Return the table of this section; a repetition is a whole search, so a fifth of `reps`."""
    searches = max(50, reps // 5)
    rows: list[tuple[str, ...]] = []
    for name, accuracies in SCENARIOS.items():
        data = Data(accuracies, searches)
        rows += [
            (name, method, *data.summary(method))
            for method in ("exhaustive", "naive", "ascending", "descending")
        ]
    return markdown(
        f"Ladders of 6, bar .85, alpha 5%, errors correlated, cap {CAP:,}, {searches} searches; the"
        " largest is the trusted fallback and not tested",
        ("scenario", "method", "unsafe", "cheapest good one", "evaluations", "labels", "cost"),
        rows,
    )


class Data:
    """Simulated right/wrong of every candidate on shared rows, one seed for each search."""

    def __init__(self, accuracies: tuple[float, ...], searches: int) -> None:
        self.accuracies = accuracies
        self.searches = searches
        good = [i for i, a in enumerate(accuracies) if a >= BAR]
        self.best = good[0] if good else len(accuracies) - 1

    def rows(self, seed: int) -> NDArray[np.float64]:
        """Return right/wrong, shape (candidates, CAP)."""
        rng = np.random.default_rng(seed)
        k = len(self.accuracies)
        latent = math.sqrt(0.7) * rng.standard_normal(CAP) + math.sqrt(0.3) * rng.standard_normal((k, CAP))
        right: NDArray[np.float64] = (latent < norm.ppf(np.array(self.accuracies))[:, None]).astype(
            np.float64
        )
        return right

    def summary(self, method: str) -> tuple[str, ...]:
        """Return unsafe share, share of the cheapest good choice, evaluations, labels, cost."""
        found = np.array([self.search(method, self.rows(31 + s)) for s in range(self.searches)])
        chosen = found[:, 0].astype(int)
        unsafe = int((np.array(self.accuracies)[chosen] < BAR).sum())
        evaluations, labels, cost = found[:, 1:].mean(axis=0)
        return (
            share(unsafe, self.searches),
            share(int((chosen == self.best).sum()), self.searches),
            f"{evaluations:,.0f}",
            f"{labels:,.0f}",
            f"{cost:,.0f}",
        )

    def search(self, method: str, rows: NDArray[np.float64]) -> tuple[float, ...]:
        """Return the choice, evaluations, labels and cost of one search."""
        tested = rows[:-1]
        fallback = len(rows) - 1
        if method in ("exhaustive", "naive"):
            n = FIXED_N if method == "exhaustive" else NAIVE_N
            mean = tested[:, :n].mean(axis=1)
            z = norm.isf(ALPHA / len(tested)) if method == "exhaustive" else 0.0
            passes = np.flatnonzero(mean - z * math.sqrt(BAR * (1 - BAR) / n) >= BAR)
            choice = int(passes[0]) if passes.size else fallback
            return choice, n * len(tested), n, n * sum(COSTS[:fallback])
        order: Order = "ascending" if method == "ascending" else "descending"
        claims = [Hypothesis(name=str(i), claim=bernoulli_bets(BAR)) for i in range(fallback)]
        plan = LadderPlan(alpha=ALPHA, order=order, max_n=CAP, block=250)
        found = climb(claims, lambda i, a, b: tested[i, a:b], plan=plan)
        used = [o.n for o in found.outcomes]
        cost = sum(n * c for n, c in zip(used, COSTS[:fallback], strict=True))
        return fallback if found.chosen is None else found.chosen, sum(used), max(used), cost
