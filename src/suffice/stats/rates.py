"""Metrics that are no mean over rows: macro-F1, and recall at a fixed false-alarm rate.

Both hold for one look at a number of rows fixed beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom

from suffice.stats.intervals import clopper_pearson_lower, clopper_pearson_upper

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

__all__ = ["ClassF1", "MacroF1", "RecallTest", "macro_f1", "recall_at_false_alarm"]


@dataclass(frozen=True, kw_only=True)
class ClassF1:
    """One class: F1 = 2J / (1 + J) with J = TP / (TP + FP + FN), and its bounds.

    `estimate` is None where the class is neither true nor predicted in any row: not measured,
    and bounded only by [0, 1].
    """

    name: Hashable
    hits: int
    touched: int
    estimate: float | None
    lower: float
    upper: float


@dataclass(frozen=True, kw_only=True)
class MacroF1:
    """Macro-F1 over the named classes: estimate over the measured ones and bounds over all.

    Each bound alone is wrong with probability at most `delta`.
    """

    estimate: float | None
    lower: float
    upper: float
    delta: float
    n: int
    classes: tuple[ClassF1, ...]


def _f1(jaccard: float) -> float:
    return 2 * jaccard / (1 + jaccard)


def macro_f1(
    truth: Sequence[Hashable],
    predicted: Sequence[Hashable],
    *,
    classes: Sequence[Hashable],
    delta: float = 0.05,
) -> MacroF1:
    """Return macro-F1 with a lower and an upper bound that hold at any number of rows.

    Given how many rows a class touches (true or predicted), its hits are binomial with the
    Jaccard index J as rate, so Clopper-Pearson bounds J exactly and, F1 being increasing in J,
    F1; the classes share delta equally (Bonferroni). With many classes and few rows each the
    lower bound is low: that is what the rows can show.

    Args:
        truth: the true class of each row.
        predicted: the predicted class of each row, possibly outside `classes`.
        classes: the classes averaged over, named beforehand.
        delta: error of the lower bound, and of the upper bound.

    Raises:
        ValueError: no class, or truth and predictions of different length.
    """
    if not classes or len(set(classes)) != len(classes):
        raise ValueError("macro-F1 needs at least one class, each named once")
    if len(truth) != len(predicted):
        raise ValueError(f"{len(truth)} true classes but {len(predicted)} predictions")
    share = delta / len(classes)
    rows = tuple(_class_f1(truth, predicted, name, share) for name in classes)
    estimates = [row.estimate for row in rows if row.estimate is not None]
    return MacroF1(
        estimate=float(np.mean(estimates)) if estimates else None,
        lower=float(np.mean([row.lower for row in rows])),
        upper=float(np.mean([row.upper for row in rows])),
        delta=delta,
        n=len(truth),
        classes=rows,
    )


def _class_f1(
    truth: Sequence[Hashable], predicted: Sequence[Hashable], name: Hashable, share: float
) -> ClassF1:
    hits = sum(t == name == p for t, p in zip(truth, predicted, strict=True))
    touched = sum(name in (t, p) for t, p in zip(truth, predicted, strict=True))
    if touched == 0:
        return ClassF1(name=name, hits=0, touched=0, estimate=None, lower=0.0, upper=1.0)
    return ClassF1(
        name=name,
        hits=hits,
        touched=touched,
        estimate=_f1(hits / touched),
        lower=_f1(clopper_pearson_lower(hits, touched, share)),
        upper=_f1(clopper_pearson_upper(hits, touched, share)),
    )


@dataclass(frozen=True, kw_only=True)
class RecallTest:
    """Recall and false-alarm rate against their bars, both at alpha.

    Attributes:
        recall_lower: exact lower bound of the recall.
        false_alarm_upper: exact upper bound of the false-alarm rate.
        p_value: the larger of the two p-values.
        passed: whether both bars are met at alpha.
    """

    recall: float | None
    recall_lower: float
    false_alarm: float | None
    false_alarm_upper: float
    p_value: float
    passed: bool


def recall_at_false_alarm(
    hits: tuple[int, int],
    false_alarms: tuple[int, int],
    *,
    recall_bar: float,
    false_alarm_bar: float,
    alpha: float = 0.05,
) -> RecallTest:
    """Return the intersection-union test of "recall >= bar and false-alarm rate <= bar".

    The null is that at least one of the two fails; rejecting both exact binomial tests at alpha
    keeps the error at alpha without sharing it (Berger, Technometrics 1982). A threshold must
    have been fixed on other rows.

    Args:
        hits: (detected positives, positives).
        false_alarms: (alarmed negatives, negatives).
        recall_bar: smallest acceptable recall.
        false_alarm_bar: largest acceptable false-alarm rate.
        alpha: error of the joint claim.

    Raises:
        ValueError: impossible counts or bars.
    """
    (found, positives), (alarms, negatives) = hits, false_alarms
    if not (0 <= found <= positives and 0 <= alarms <= negatives):
        raise ValueError(f"{hits} hits or {false_alarms} false alarms are no counts")
    if not (0 < recall_bar < 1 and 0 < false_alarm_bar < 1):
        raise ValueError("both bars must lie strictly between 0 and 1")
    recall_p = float(binom.sf(found - 1, positives, recall_bar))
    alarm_p = float(binom.cdf(alarms, negatives, false_alarm_bar))
    p_value = max(recall_p, alarm_p)
    return RecallTest(
        recall=found / positives if positives else None,
        recall_lower=clopper_pearson_lower(found, positives, alpha) if positives else 0.0,
        false_alarm=alarms / negatives if negatives else None,
        false_alarm_upper=clopper_pearson_upper(alarms, negatives, alpha) if negatives else 1.0,
        p_value=p_value,
        passed=p_value <= alpha,
    )
