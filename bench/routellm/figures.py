"""The figures of a routing score: exact and by RouteLLM's quantiles, and paired bootstrap differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from suffice.stats.routing import apgr, call_share_for_gap, call_share_for_quality, routing_curve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.proof.recorded import Recorded

__all__ = ["HEADER", "apgr_by_quantiles", "figures", "paired_difference"]

HEADER = (
    "router",
    "n",
    "APGR",
    "by 10 quantiles",
    "CPT50",
    "CPT80",
    "q95",
    "q100",
    "against the best baseline",
)
RESAMPLES = 200


def figures(name: str, scores: NDArray[np.float64], data: Recorded) -> list[object]:
    """Return one row of the table but its last cell; shares of calls to the strong model in percent."""
    curve = routing_curve(scores, data.weak, data.strong)
    shares = [call_share_for_gap(curve, 0.5), call_share_for_gap(curve, 0.8)]
    shares += [call_share_for_quality(curve, 0.95), call_share_for_quality(curve, 1.0)]
    return [
        name,
        len(scores),
        f"{apgr(scores, data.weak, data.strong):.4f}",
        f"{apgr_by_quantiles(scores, data):.4f}",
        *("never" if share is None else f"{100 * share:.1f}" for share in shares),
    ]


def apgr_by_quantiles(scores: NDArray[np.float64], data: Recorded, *, parts: int = 10) -> float:
    """Return APGR as RouteLLM's own code computes it: a trapezoid over quantile thresholds."""
    thresholds = np.quantile(scores, np.linspace(0, 1, parts + 1))
    sent = scores[None, :] >= thresholds[:, None]
    share = sent.mean(axis=1)[::-1]
    quality = np.where(sent, data.strong, data.weak).mean(axis=1)[::-1]
    weak, strong = data.weak.mean(), data.strong.mean()
    reach = share[-1] - share[0]
    return float((np.trapezoid(quality, share) - weak * reach) / ((strong - weak) * reach))


def paired_difference(first: NDArray[np.float64], second: NDArray[np.float64], data: Recorded) -> str:
    """Return the difference of two scores' APGR with the standard deviation over paired resamples of rows."""
    rng = np.random.default_rng(7)
    n = len(first)
    differences = []
    for _ in range(RESAMPLES):
        rows = rng.integers(0, n, n)
        marks = (data.weak[rows], data.strong[rows])
        differences.append(apgr(first[rows], *marks) - apgr(second[rows], *marks))
    whole = apgr(first, data.weak, data.strong) - apgr(second, data.weak, data.strong)
    return f"{whole:+.4f} ± {np.std(differences):.4f}"
