"""Routing curves: quality against the share of calls that go to the strong model.

PGR(c) = (r(c) - r_weak) / (r_strong - r_weak), the performance gap recovered when a share c of the
calls, those with the largest scores, goes to the strong model; APGR is its integral over c; CPT(x)
the least share with PGR >= x (RouteLLM, Ong et al., 2406.18665, section 4). Computed on the exact
curve of every possible cut, ties cut at random, instead of on ten quantiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "RoutingCurve",
    "apgr",
    "call_share_for_gap",
    "call_share_for_quality",
    "routing_curve",
]


class RoutingCurve(NamedTuple):
    """Share of calls to the strong model, from 0 to 1, and the mean quality at each."""

    strong_share: NDArray[np.float64]
    quality: NDArray[np.float64]


def routing_curve(score: ArrayLike, weak: ArrayLike, strong: ArrayLike) -> RoutingCurve:
    """Return the quality of sending the rows with the largest scores to the strong model.

    Args:
        score: predicted gain of the strong model over the weak one, shape (n,).
        weak: quality of the weak model's answer.
        strong: quality of the strong model's answer.

    Raises:
        ValueError: shapes differ or a score is not finite.
    """
    s = np.asarray(score, dtype=np.float64)
    low, high = np.asarray(weak, dtype=np.float64), np.asarray(strong, dtype=np.float64)
    if not s.shape == low.shape == high.shape or s.ndim != 1 or s.size == 0:
        raise ValueError(f"shapes {s.shape}, {low.shape}, {high.shape} must be equal, not empty")
    if not np.isfinite(s).all():
        raise ValueError("a routing score is not finite")
    _, group, sizes = np.unique(-s, return_inverse=True, return_counts=True)
    gains = np.bincount(group, weights=high - low)
    return RoutingCurve(
        np.concatenate([[0.0], np.cumsum(sizes) / s.size]),
        float(low.mean()) + np.concatenate([[0.0], np.cumsum(gains) / s.size]),
    )


def _recovered(curve: RoutingCurve) -> NDArray[np.float64]:
    gap = curve.quality[-1] - curve.quality[0]
    if gap <= 0:
        raise ValueError("the strong model is not better than the weak one; there is no gap")
    recovered: NDArray[np.float64] = (curve.quality - curve.quality[0]) / gap
    return recovered


def apgr(score: ArrayLike, weak: ArrayLike, strong: ArrayLike) -> float:
    """Return the average performance gap recovered; 0.5 for a random router.

    Raises:
        ValueError: shapes differ, or the strong model is not better.
    """
    curve = routing_curve(score, weak, strong)
    return float(np.trapezoid(_recovered(curve), curve.strong_share))


def call_share_for_gap(curve: RoutingCurve, recovered: float) -> float | None:
    """Return CPT: the least share of strong calls that recovers this part of the gap, or None.

    Raises:
        ValueError: the strong model is not better.
    """
    return _first_share(curve.strong_share, _recovered(curve), recovered)


def call_share_for_quality(curve: RoutingCurve, share_of_strong: float) -> float | None:
    """Return the least share of strong calls with this part of the strong model's quality."""
    return _first_share(curve.strong_share, curve.quality, share_of_strong * curve.quality[-1])


def _first_share(share: NDArray[np.float64], value: NDArray[np.float64], target: float) -> float | None:
    reached = np.flatnonzero(value >= target - 1e-12)
    if reached.size == 0:
        return None
    i = int(reached[0])
    if i == 0:
        return float(share[0])
    rise = (target - value[i - 1]) / (value[i] - value[i - 1])
    return float(share[i - 1] + rise * (share[i] - share[i - 1]))
