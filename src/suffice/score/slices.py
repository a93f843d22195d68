"""Where a model is weak: which labels it confuses, and on which slices of the data it is worst."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from suffice.forms import label_form as normal
from suffice.measurement import Interval
from suffice.ports import Answer
from suffice.stats import intervals
from suffice.task import Sample

NO_ANSWER = "(no answer)"


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How often one label was answered where another was wanted; `of` counts the wanted label."""

    wanted: str
    answered: str
    count: int
    of: int


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The quality on one part of the samples, with Wilson's interval, or, for shades, that of betting.

    Intervals are each at their level alone: the worst of many slices looks worse than it is.
    """

    by: str  # label, predicted label, text length
    name: str
    n: int
    quality: float
    interval: Interval


def confusions(samples: Sequence[Sample], answers: Sequence[Answer], *, top: int = 10) -> list[Confusion]:
    """Returns the pairs of labels confused most often; samples without a target are left out."""
    pairs: Counter[tuple[str, str]] = Counter()
    totals: Counter[str] = Counter()
    for sample, answer in zip(samples, answers, strict=True):
        if sample.target is None:
            continue
        want, given = str(sample.target), NO_ANSWER if answer.text is None else answer.text
        totals[want] += 1
        if answer.text is None or normal(want) != normal(given):
            pairs[want, given] += 1
    ranked = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))[:top]
    return [Confusion(wanted=w, answered=g, count=count, of=totals[w]) for (w, g), count in ranked]


def worst_slices(
    samples: Sequence[Sample],
    answers: Sequence[Answer],
    worth: Sequence[float],
    *,
    by_label: bool = True,
    top: int = 10,
    smallest: int = 5,
) -> list[Slice]:
    """Returns the slices of lowest quality: by label and predicted label (if asked), by length of the text.

    `worth` holds each answer's score in [0, 1]. Slices are ordered by the upper end of their interval, so
    that a small slice with bad luck does not stand above a large one that is surely bad. Slices below
    `smallest` samples, and samples without a target, are left out.
    """
    known = [(s, a, w) for s, a, w in zip(samples, answers, worth, strict=True) if s.target is not None]
    if not known:
        return []
    length_of = _length_names([sample for sample, _, _ in known])
    named: dict[str, Callable[[Sample, Answer], str]] = {"text length": lambda sample, _: length_of(sample)}
    if by_label:
        named["label"] = lambda sample, _: str(sample.target)
        named["predicted label"] = lambda _, answer: NO_ANSWER if answer.text is None else answer.text
    found = []
    for by, name_of in named.items():
        values: dict[str, list[float]] = {}
        for sample, answer, value in known:
            values.setdefault(name_of(sample, answer), []).append(value)
        found += [_slice(by, name, scores) for name, scores in values.items() if len(scores) >= smallest]
    return sorted(found, key=lambda s: (s.interval.upper, s.by, s.name))[:top]


def _length_names(samples: Sequence[Sample]) -> Callable[[Sample], str]:
    """Returns what names a sample's quarter by length; equal lengths are in the same quarter."""
    edges = [int(e) for e in np.quantile([len(s.text) for s in samples], (0.25, 0.5, 0.75), method="lower")]
    first, middle, last = edges
    names = (
        f"up to {first} characters",
        f"{first + 1} to {middle} characters",
        f"{middle + 1} to {last} characters",
        f"above {last} characters",
    )
    return lambda sample: names[int(np.searchsorted(edges, len(sample.text), side="left"))]


def _slice(by: str, name: str, worth: Sequence[float]) -> Slice:
    n, total = len(worth), sum(worth)
    is_binary = all(value in {0.0, 1.0} for value in worth)
    ends = intervals.wilson(round(total), n) if is_binary else intervals.betting(np.array(worth))
    return Slice(
        by=by,
        name=name,
        n=n,
        quality=total / n,
        interval=Interval(lower=ends.lower, upper=ends.upper, level=ends.level, method=ends.method),
    )
