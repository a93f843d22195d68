"""Objects field by field: each object's F1, and precision, recall, F1 over all and per field."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suffice.forms import answer_object, pairs
from suffice.measurement import Interval
from suffice.ports import Score
from suffice.stats import intervals
from suffice.task import JsonValue

_RESAMPLES, _SEED, _LEVEL = 1000, 0, 0.95


class FieldF1Scorer:
    """Scores F1 = 2 TP / (2 TP + FP + FN) over an object's (path, value) pairs; 1 where both have none.

    What is no JSON object scores 0: being valid is never counted, but nothing is right without it.
    """

    def __init__(self, *, ignore_case: bool = False) -> None:
        self._ignore_case = ignore_case

    async def score(self, wanted: Sequence[Any], answers: Sequence[str | None]) -> list[Score]:
        """Returns one score in [0, 1] per pair; None where nothing is wanted."""
        return [self._score(want, answer) for want, answer in zip(wanted, answers, strict=True)]

    def _score(self, want: Any, answer: str | None) -> Score:
        if want is None:
            return Score(value=None, why="not labelled")
        given = None if answer is None else answer_object(answer)
        wish = answer_object(want)
        if given is None or wish is None:
            return Score(value=0.0, why="no answer" if answer is None else "the answer is no JSON object")
        left, right = (pairs(value, ignore_case=self._ignore_case) for value in (wish, given))
        hits, total = (left & right).total(), left.total() + right.total()
        value = 2 * hits / total if total else 1.0
        return Score(value=value, why="" if value == 1.0 else f"wanted {dict(left - right)}"[:200])


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A share with its interval and the number of cases behind it; None where there was no case."""

    value: float | None
    n: int
    interval: Interval | None


@dataclass(frozen=True, kw_only=True)
class FieldQuality:
    """How well one field was found. `wanted`: times it stands in the truth. `name` "" means all together."""

    name: str
    wanted: int
    precision: Estimate
    recall: Estimate
    f1: Estimate


@dataclass(frozen=True, kw_only=True)
class FieldReport:
    """A model's objects on n samples: all fields together (micro), each field, and valid JSON."""

    n: int
    micro: FieldQuality
    fields: tuple[FieldQuality, ...]
    valid_json: Estimate


def field_report(
    wanted: Sequence[JsonValue], answers: Sequence[str | None], *, ignore_case: bool = False
) -> FieldReport | None:
    """Returns precision, recall and F1 with 95% intervals; None where nothing is wanted.

    Per field the intervals are Wilson's (1927) over the n samples in which the field stands; a wrong value is
    both a false and a missed one, so counting values would make them too narrow. F1 = 2J / (1 + J) grows
    with J = TP / (TP + FP + FN), so its ends are those of J. All fields together: values of one sample err
    together, so samples are drawn anew (percentile bootstrap, 1,000 draws, Efron 1979).
    """
    known = [(want, given) for want, given in zip(wanted, answers, strict=True) if want is not None]
    if not known:
        return None
    objects = [
        (answer_object(want), None if given is None else answer_object(given)) for want, given in known
    ]
    counts = [_counts(want or {}, given, ignore_case=ignore_case) for want, given in objects]
    names = sorted({name for row in counts for name in row})
    table = np.array([[row.get(name, (0, 0, 0)) for name in names] for row in counts], dtype=np.float64)
    table = table.reshape(len(known), len(names), 3)
    valid = sum(given is not None for _, given in objects)
    return FieldReport(
        n=len(known),
        micro=_micro(table.sum(axis=1)),
        fields=tuple(_one(name, table[:, place]) for place, name in enumerate(names)),
        valid_json=_share(valid, len(known)),
    )


def _counts(want: Any, given: Any, *, ignore_case: bool) -> dict[str, tuple[int, int, int]]:
    """Returns TP, FP, FN by field for one sample; an answer that is no object misses all."""
    wished = pairs(want, ignore_case=ignore_case)
    found: Counter[tuple[str, str]] = Counter() if given is None else pairs(given, ignore_case=ignore_case)
    rows: dict[str, list[int]] = {}
    for place, counted in enumerate((wished & found, found - wished, wished - found)):
        for (name, _), count in counted.items():
            rows.setdefault(name, [0, 0, 0])[place] += count
    return {name: (row[0], row[1], row[2]) for name, row in rows.items()}


def _one(name: str, rows: NDArray[np.float64]) -> FieldQuality:
    """Returns one field, from TP, FP, FN of each sample (n, 3)."""

    def over(*columns: int) -> Estimate:
        cases = rows[:, list(columns)].sum(axis=1)
        samples = int((cases > 0).sum())
        return _share(float(rows[:, 0].sum() / max(cases.sum(), 1)) * samples, samples)

    jaccard = over(0, 1, 2)
    return FieldQuality(
        name=name,
        wanted=int(rows[:, [0, 2]].sum()),
        precision=over(0, 1),
        recall=over(0, 2),
        f1=_f1_of(jaccard),
    )


def _f1_of(jaccard: Estimate) -> Estimate:
    if jaccard.value is None or jaccard.interval is None:
        return jaccard
    ends = jaccard.interval

    def f1(share: float) -> float:
        return 2 * share / (1 + share)

    interval = Interval(lower=f1(ends.lower), upper=f1(ends.upper), level=ends.level, method=ends.method)
    return Estimate(value=f1(jaccard.value), n=jaccard.n, interval=interval)


def _micro(rows: NDArray[np.float64]) -> FieldQuality:
    """Returns all fields together, from TP, FP, FN of each sample (n, 3)."""
    n = len(rows)
    draws = np.random.default_rng(_SEED).multinomial(n, np.full(n, 1 / n), size=_RESAMPLES) @ rows
    hits, false, missed = rows.sum(axis=0)
    drawn_hits, drawn_false, drawn_missed = draws.T

    def ratio(top: Any, bottom: Any) -> Any:
        return np.where(bottom > 0, top / np.maximum(bottom, 1), np.nan)

    def estimate(value: Any, drawn: NDArray[np.float64], cases: float) -> Estimate:
        if cases == 0:
            return Estimate(value=None, n=0, interval=None)
        lower, upper = np.nanquantile(drawn, ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2))
        if lower == upper:  # no draw differs: all right or all wrong; then samples are what was counted
            return _share(float(value) * n, n)
        ends = Interval(lower=float(lower), upper=float(upper), level=_LEVEL, method="bootstrap over samples")
        return Estimate(value=float(value), n=n, interval=ends)

    return FieldQuality(
        name="",
        wanted=int(hits + missed),
        precision=estimate(
            ratio(hits, hits + false), ratio(drawn_hits, drawn_hits + drawn_false), hits + false
        ),
        recall=estimate(
            ratio(hits, hits + missed), ratio(drawn_hits, drawn_hits + drawn_missed), hits + missed
        ),
        f1=estimate(
            ratio(2 * hits, 2 * hits + false + missed),
            ratio(2 * drawn_hits, 2 * drawn_hits + drawn_false + drawn_missed),
            hits + false + missed,
        ),
    )


def _share(count: float, n: int) -> Estimate:
    if n == 0:
        return Estimate(value=None, n=0, interval=None)
    ends = intervals.wilson(round(count), n, _LEVEL)
    value = count / n
    # At 0 and 1 rounding may leave the end a hair inside.
    lower, upper = min(ends.lower, value), max(ends.upper, value)
    interval = Interval(lower=lower, upper=upper, level=ends.level, method=ends.method)
    return Estimate(value=value, n=n, interval=interval)
