"""Information-theoretic lower bounds: the fewest observations any test with these errors can use.

A test that decides "above the bar" wrongly with probability at most alpha, and misses a
distribution P above it with probability at most beta, needs on average at least
kl(1 - beta, alpha) / KLinf(P, bar) observations of P (Wald 1945; Kaufmann, Cappe & Garivier,
JMLR 2016, Lemma 1), where KLinf is the smallest divergence from P to a distribution on the bar.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import rel_entr

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = [
    "decision_information",
    "kelly_fraction",
    "kl_bernoulli",
    "klinf",
    "klinf_paired",
    "lower_bound_n",
    "ratio_to_bound",
]


def kl_bernoulli(p: float, q: float) -> float:
    """Return kl(p, q) between two Bernoulli distributions, in nats; infinite when q excludes p."""
    return float(rel_entr(p, q) + rel_entr(1 - p, 1 - q))


def decision_information(alpha: float, beta: float) -> float:
    """Return kl(1 - beta, alpha), the nats any test with these two errors must collect.

    Raises:
        ValueError: an error rate is outside (0, 1).
    """
    if not (0 < alpha < 1 and 0 < beta < 1):
        raise ValueError(f"error rates must lie in (0, 1), got alpha={alpha}, beta={beta}")
    return kl_bernoulli(1 - beta, alpha)


def kelly_fraction(support: ArrayLike, probabilities: ArrayLike, bar: float) -> float:
    """Return the fraction lam >= 0 that maximises E[log(1 + lam (X - bar))] (0 if E[X] <= bar)."""
    return _best_bet(support, probabilities, bar)[0]


def klinf(support: ArrayLike, probabilities: ArrayLike, bar: float) -> float:
    """Return KLinf(P, {Q: E[Q] <= bar}) in nats, for P on a finite support.

    By duality it is max_lam E_P[log(1 + lam (X - bar))], concave in lam (Honda & Takemura 2010;
    the support's smallest value bounds lam). 0 when P does not exceed the bar.

    Raises:
        ValueError: the probabilities are not a distribution.
    """
    return _best_bet(support, probabilities, bar)[1]


def _best_bet(support: ArrayLike, probabilities: ArrayLike, bar: float) -> tuple[float, float]:
    x = np.asarray(support, dtype=np.float64)
    p = np.asarray(probabilities, dtype=np.float64)
    if x.shape != p.shape or p.min() < -1e-12 or not math.isclose(float(p.sum()), 1, abs_tol=1e-6):
        raise ValueError("the probabilities must be non-negative, one for each value, summing to 1")
    low = float(x.min())
    if float(x @ p) <= bar or low >= bar:
        return (0.0, 0.0) if float(x @ p) <= bar else (math.inf, math.inf)
    limit = 1 / (bar - low)
    # A value that never occurs under P may be bet to ruin, one that does may not.
    top = limit if float(p[x <= low].sum()) == 0 else limit * (1 - 1e-9)
    keep = p > 0

    def loss(fraction: float) -> float:
        return -float(p[keep] @ np.log1p(fraction * (x[keep] - bar)))

    found = minimize_scalar(loss, bounds=(0.0, top), method="bounded", options={"xatol": 1e-10})
    best = top if loss(top) < float(found.fun) else float(found.x)
    return best, -loss(best)


def klinf_paired(wins: float, losses: float, margin: float) -> float:
    """Return KLinf of the paired difference D against E[D] <= -margin, in nats.

    Args:
        wins: P(D = 1), only the candidate right.
        losses: P(D = -1), only the reference right.
        margin: allowed drop.
    """
    return klinf([-1.0, 0.0, 1.0], [losses, 1 - wins - losses, wins], -margin)


def lower_bound_n(information: float, *, alpha: float, beta: float) -> float:
    """Return the lower bound on the expected number of observations (infinite at zero KLinf)."""
    needed = decision_information(alpha, beta)
    return math.inf if information <= 0 else needed / information


def ratio_to_bound(n: float, bound_n: float) -> float | None:
    """Return n / bound, or None where the bound says nothing (infinite or zero)."""
    if not math.isfinite(bound_n) or bound_n <= 0:
        return None
    return n / bound_n
