"""Quantiles with intervals that assume nothing about the distribution but independent draws."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr

from suffice.measurement import Interval, Measurement, not_measured

METHOD = "order statistics"


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """The name and unit under which a list of readings is reported."""

    name: str
    unit: str


def smallest_n(share: float, *, level: float = 0.95) -> int:
    """Returns how many readings the quantile at `share` needs for a two-sided interval.

    The largest of n readings lies below the quantile with probability share**n, the smallest
    above it with (1 - share)**n; each may be at most half of 1 - level.
    """
    tail = (1 - level) / 2
    return math.ceil(math.log(tail) / math.log(max(share, 1 - share)))


def quantile(
    quantity: Quantity, readings: Sequence[float], share: float, *, level: float = 0.95
) -> Measurement:
    """Returns the quantile at `share` with its interval, or not measured where the readings are too few.

    The interval's ends are two of the sorted readings: the number of readings below the quantile
    is binomial(n, share), whatever the distribution (David & Nagaraja, Order Statistics, 7.1).
    The value is the smallest reading with at least that share of readings at or below it.
    """
    n = len(readings)
    if n < (needed := smallest_n(share, level=level)):
        why = f"{n} readings; an interval at {level:.0%} needs {needed}"
        return not_measured(quantity.name, quantity.unit, why=why)
    ordered = np.sort(np.asarray(readings, dtype=np.float64))
    below = bdtr(np.arange(n), n, share)  # below[k] = P(at most k readings lie below the quantile)
    tail = (1 - level) / 2
    # Ranks from 1: the lower end has P(rank - 1 or fewer below) <= tail, the upper P(rank or more) <= tail.
    lower = int(np.searchsorted(below, tail, side="right"))
    upper = int(np.searchsorted(below, 1 - tail, side="left")) + 1
    # Where even the smallest reading may lie above the quantile, only 0 is certain not to.
    bottom = float(ordered[lower - 1]) if lower > 0 else 0.0
    return Measurement(
        quantity=quantity.name,
        value=float(ordered[math.ceil(n * share) - 1]),
        unit=quantity.unit,
        n=n,
        interval=Interval(lower=bottom, upper=float(ordered[upper - 1]), level=level, method=METHOD),
    )


def median(quantity: Quantity, readings: Sequence[float], *, level: float = 0.95) -> Measurement:
    """Returns the median of readings >= 0 with its interval."""
    return quantile(quantity, readings, 0.5, level=level)
