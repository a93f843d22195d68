"""The Pareto frontier of cost and quality."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["pareto_frontier"]


def pareto_frontier(points: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Return the indices of the (cost, quality) points no other point beats, cheapest first.

    A point is beaten by one that costs no more and is at least as good, and better in one of the
    two; of identical points the first stays.
    """
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1], i))
    kept: list[int] = []
    for i in order:
        if not kept or points[i][1] > points[kept[-1]][1]:
            kept.append(i)
    return tuple(kept)
