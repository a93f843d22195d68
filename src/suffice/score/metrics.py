"""Metrics of classification that are no mean over samples: macro-F1, recall at a false-alarm rate."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suffice.forms import label_form as normal


def accuracy(wanted: Sequence[str], answers: Sequence[str | None]) -> float:
    """Returns the share of answers that are the wanted label; no answer is a wrong one.

    Raises:
        ValueError: there are no samples.
    """
    _check(wanted, answers)
    return sum(_same(w, a) for w, a in zip(wanted, answers, strict=True)) / len(wanted)


def macro_f1(wanted: Sequence[str], answers: Sequence[str | None]) -> float:
    """Returns the mean over labels of F1 = 2 TP / (2 TP + FP + FN).

    The labels are those wanted or answered at least once, as in scikit-learn's `f1_score` with
    average="macro"; no answer is a miss of the wanted label and a false alarm of none.

    Raises:
        ValueError: there are no samples.
    """
    _check(wanted, answers)
    truths = [normal(w) for w in wanted]
    given = [None if a is None else normal(a) for a in answers]
    wants, gives = Counter(truths), Counter(g for g in given if g is not None)
    hits = Counter(t for t, g in zip(truths, given, strict=True) if t == g)
    labels = {*wants, *gives}
    return sum(2 * hits[label] / (wants[label] + gives[label]) for label in sorted(labels)) / len(labels)


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """What a threshold on the score of being positive reaches: its recall and its false alarms."""

    threshold: float
    recall: float
    false_alarm: float
    positives: int
    negatives: int


def recall_at_false_alarm(
    scores: Sequence[float], is_positive: Sequence[bool], *, false_alarm: float
) -> OperatingPoint:
    """Returns the best recall whose false-alarm rate is at most the given one, on these very samples.

    A sample is called positive when its score is at or above the threshold; equal scores are
    called alike. The threshold is chosen here, so the recall is a point on this data and no promise
    for other data.

    Raises:
        ValueError: one of the two classes is missing.
    """
    values = np.asarray(scores, dtype=np.float64)
    positive = np.asarray(is_positive, dtype=bool)
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if positives == 0 or negatives == 0:
        raise ValueError(f"recall needs both classes; there are {positives} positives, {negatives} others")
    thresholds = np.unique(values)[::-1]
    found = positives - np.searchsorted(np.sort(values[positive]), thresholds, side="left")
    alarms = negatives - np.searchsorted(np.sort(values[~positive]), thresholds, side="left")
    # Both grow as the threshold falls, so those that are allowed come first.
    allowed = int((alarms / negatives <= false_alarm).sum())
    at = allowed - 1
    return OperatingPoint(
        threshold=float(thresholds[at]) if allowed else float("inf"),
        recall=float(found[at] / positives) if allowed else 0.0,
        false_alarm=float(alarms[at] / negatives) if allowed else 0.0,
        positives=positives,
        negatives=negatives,
    )


def _same(want: str, answer: str | None) -> bool:
    return answer is not None and normal(want) == normal(answer)


def _check(wanted: Sequence[str], answers: Sequence[str | None]) -> None:
    if len(wanted) != len(answers) or not wanted:
        raise ValueError(f"{len(wanted)} wanted labels and {len(answers)} answers cannot be compared")
