"""Counters and histograms that cost a dictionary look-up, and the Prometheus families they become.

prometheus-client's own counters take a lock and walk their buckets at each observation. The gateway
counts on its event loop alone, and is read there too, so plain numbers will do.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

OTHER = "other"


class Names:
    """A bounded set of label values: the first `limit` that were seen; every further one is "other".

    An upstream names its models and a client its errors: without a bound either could fill the memory
    with series.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: set[str] = set()

    def bounded(self, name: str) -> str:
        """Returns the name, or "other" where there is no room for one more."""
        if name in self._seen:
            return name
        if len(self._seen) >= self._limit:
            return OTHER
        self._seen.add(name)
        return name


class Tally:
    """One counter; what is counted often is held on to."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0


class Buckets:
    """One histogram: how many values fell into each bucket, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Counts the value in the one bucket it falls into."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Counts:
    """One counter per combination of labels; `name` without Prometheus' `_total`."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str]) -> None:
        self._name, self._documentation, self._labels = name, documentation, tuple(labels)
        self._tallies: dict[tuple[str, ...], Tally] = {}

    def of(self, *labels: str) -> Tally:
        """Returns the counter of these labels."""
        return self._tallies.setdefault(labels, Tally())

    def family(self) -> CounterMetricFamily:
        """Returns what is counted so far, for the exposition; what never happened is left out."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, tally in self._tallies.items():
            if tally.value:
                family.add_metric(labels, tally.value)
        return family


class Distribution:
    """One histogram per combination of labels; `bounds` are the buckets' upper ends, +Inf is added."""

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str], *, bounds: Sequence[float]
    ) -> None:
        self._name, self._documentation, self._labels = name, documentation, tuple(labels)
        self._bounds = tuple(bounds)
        self._buckets: dict[tuple[str, ...], Buckets] = {}

    def of(self, *labels: str) -> Buckets:
        """Returns the histogram of these labels."""
        return self._buckets.setdefault(labels, Buckets(self._bounds))

    def family(self) -> HistogramMetricFamily:
        """Returns the cumulative buckets so far, for the exposition; what was never seen is left out."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        ends = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for labels, buckets in self._buckets.items():
            cumulative = list(accumulate(buckets.counts))
            if cumulative[-1]:
                family.add_metric(labels, list(zip(ends, cumulative, strict=True)), sum_value=buckets.total)
        return family
