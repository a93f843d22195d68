"""One error budget: how alpha is shared over candidates and over looks at the same data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["candidate_weights", "look_alpha", "look_alphas"]

FIRST_LOOK_SHARE = 0.8


def candidate_weights(n_candidates: int, prior: Sequence[float] | None = None) -> tuple[float, ...]:
    """Return weights over the candidates that sum to 1 (equal without a prior).

    The prior must not come from the rows that certify: development rows, model cards.

    Raises:
        ValueError: no candidate, or a prior that is negative, all zero or of another length.
    """
    if n_candidates < 1:
        raise ValueError("there is no candidate to share the error budget")
    if prior is None:
        return (1 / n_candidates,) * n_candidates
    total = float(sum(prior))
    if len(prior) != n_candidates or min(prior) < 0 or total <= 0:
        raise ValueError(f"the prior {list(prior)} is no weighting of {n_candidates} candidates")
    return tuple(float(p) / total for p in prior)


def look_alpha(alpha: float, look: int) -> float:
    """Return the error that look number `look` (1, 2, ...) at the same rows may spend.

    Look k gets 0.8 alpha 0.2^(k-1): the shares of all looks, ever, sum to alpha, so that a retry
    on the same split is paid for (union bound) and the first look keeps most of the budget.

    Raises:
        ValueError: alpha is outside (0, 1) or the look is not a positive count.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie strictly between 0 and 1, got {alpha}")
    if look < 1:
        raise ValueError(f"looks are counted from 1, got {look}")
    return FIRST_LOOK_SHARE * alpha * (1 - FIRST_LOOK_SHARE) ** (look - 1)


def look_alphas(alpha: float, looks: int) -> tuple[float, ...]:
    """Return the error of each of the first `looks` looks at the same rows."""
    return tuple(look_alpha(alpha, k) for k in range(1, looks + 1))
