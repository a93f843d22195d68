"""First passages of the e-process over many simulated streams at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from suffice.stats.betting import Bets
from suffice.stats.bounds import klinf, lower_bound_n

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Law", "Passages", "Stop", "first_passages"]

BLOCK = 256
# Past this the wealth has crossed any threshold in use; keeps exp() finite.
LARGEST_LOG = 60.0


@dataclass(frozen=True, kw_only=True)
class Law:
    """A distribution on {low, 0, 1} with low 0 or -1: P(X = 1) and P(X = -1)."""

    wins: float
    losses: float = 0.0

    def bound_n(self, bar: float, *, low: float, alpha: float = 0.05) -> float:
        """Return the KL lower bound on the expected rows for this law, at beta = .05."""
        masses = [self.losses, 1 - self.wins - self.losses, self.wins]
        support = [-1.0, 0.0, 1.0]
        start = 0 if low < 0 else 1
        return lower_bound_n(klinf(support[start:], masses[start:], bar), alpha=alpha, beta=0.05)


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Stop a stream when this mixture's wealth reaches 1 / error."""

    bets: Bets
    error: float

    def reached(
        self, wins: NDArray[np.int64], losses: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Return whether the wealth is large enough after these counts, elementwise."""
        support = np.array([1.0, -1.0, 0.0]) if self.bets.low < 0 else np.array([1.0, 0.0, 0.0])
        factors = self.bets.log_factors(support)
        wealth = np.zeros(wins.shape)
        for weight, (up, down, level) in zip(self.bets.weights, factors, strict=True):
            path = (up - level) * wins + (down - level) * losses + level * rows
            wealth += weight * np.exp(np.minimum(path, LARGEST_LOG))
        return wealth >= 1 / self.error


@dataclass(frozen=True, kw_only=True)
class Passages:
    """Where each stream stopped (the cap where it did not) and whether it was certified."""

    n: NDArray[np.int64]
    passed: NDArray[np.bool_]

    @property
    def mean(self) -> float:
        """Mean number of rows."""
        return float(self.n.mean())

    @property
    def mean_error(self) -> float:
        """Monte-Carlo standard error of the mean."""
        return float(self.n.std() / math.sqrt(self.n.size))


def first_passages(
    law: Law,
    certify: Stop,
    *,
    reps: int,
    cap: int,
    futility: Stop | None = None,
    seed: int = 0,
) -> Passages:
    """Return where `reps` independent streams stop, looking after every row."""
    rng = np.random.default_rng(seed)
    n, passed = np.full(reps, cap), np.zeros(reps, dtype=bool)
    alive, seen = np.arange(reps), 0
    wins, losses = np.zeros(reps, dtype=np.int64), np.zeros(reps, dtype=np.int64)
    while alive.size and seen < cap:
        size = min(BLOCK, cap - seen)
        uniform = rng.random((alive.size, size))
        up = wins[alive][:, None] + np.cumsum(uniform < law.wins, axis=1)
        down = losses[alive][:, None] + np.cumsum(uniform > 1 - law.losses, axis=1)
        rows = seen + np.arange(1, size + 1)
        good = certify.reached(up, down, rows)
        over = good if futility is None else good | futility.reached(up, down, rows)
        stopped = over.any(axis=1)
        first = over.argmax(axis=1)
        n[alive[stopped]] = seen + first[stopped] + 1
        passed[alive[stopped]] = good[stopped, first[stopped]]
        wins[alive], losses[alive] = up[:, -1], down[:, -1]
        alive, seen = alive[~stopped], seen + size
    return Passages(n=n, passed=passed)
