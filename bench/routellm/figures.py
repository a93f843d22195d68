"""The figures of a routing score, paired differences between scores, and certified cascades over one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.proof.cascades import benchmark_rows
from bench.proof.tables import markdown
from suffice.stats.routing import apgr, call_share_for_gap, call_share_for_quality, routing_curve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from bench.proof.recorded import Recorded

__all__ = ["apgr_by_quantiles", "cascade_table", "paired_difference", "table"]

HEADER = ("router", "APGR", "by 10 quantiles", "CPT50", "CPT80", "q95", "q100", "APGR over the baseline")
RESAMPLES = 200
CASCADE_HEADER = (
    "score (APGR)", "margin", "oracle", "n", "exact: kept", "of oracle", "violations",
    "exact as look 1 (8%): kept", "violations", "bets: kept", "violations", "naive violations",
)  # fmt: skip


def table(
    title: str, scores: Mapping[str, NDArray[np.float64]], data: Recorded, bases: Mapping[str, str]
) -> str:
    """Return the figures of each score; `bases` names the baseline that one is compared with."""
    rows: list[list[object]] = []
    for name, score in scores.items():
        base = bases.get(name)
        compared = "" if base is None else f"{paired_difference(score, scores[base], data)} ({base})"
        rows.append([*figures(name, score, data), compared])
    accuracy = f"weak {data.weak.mean():.4f}, strong {data.strong.mean():.4f}"
    return markdown(f"{title}, n = {len(data.prompts):,}, {accuracy}", HEADER, rows)


def figures(name: str, scores: NDArray[np.float64], data: Recorded) -> list[object]:
    """Return one row of the table but its last cell; shares of calls to the strong model in percent."""
    curve = routing_curve(scores, data.weak, data.strong)
    shares = [call_share_for_gap(curve, 0.5), call_share_for_gap(curve, 0.8)]
    shares += [call_share_for_quality(curve, 0.95), call_share_for_quality(curve, 1.0)]
    return [
        name,
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
    """Return the difference of two APGR and its standard deviation over resamples of the rows."""
    rng = np.random.default_rng(7)
    n = len(first)
    differences = []
    for _ in range(RESAMPLES):
        rows = rng.integers(0, n, n)
        marks = (data.weak[rows], data.strong[rows])
        differences.append(apgr(first[rows], *marks) - apgr(second[rows], *marks))
    whole = apgr(first, data.weak, data.strong) - apgr(second, data.weak, data.strong)
    return f"{whole:+.4f} ± {np.std(differences):.4f}"


def cascade_table(title: str, gain: NDArray[np.float64], data: Recorded) -> str:
    """Return the certified cascades over this score."""
    rows = benchmark_rows(data.name, gain, data, RESAMPLES)
    return markdown(f"Certified cascade, {title}, delta 10%, {RESAMPLES} resamples", CASCADE_HEADER, rows)
