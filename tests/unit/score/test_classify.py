"""The label scorer, and metrics that are no mean over samples."""

import asyncio

import numpy as np
import pytest
from sklearn.metrics import f1_score, recall_score

from suffice.ports import Score
from suffice.score import metrics
from suffice.score.classify import LabelScorer


def score(wanted: object, answer: str | None) -> Score:
    """Returns the score of one pair."""
    return asyncio.run(LabelScorer().score([wanted], [answer]))[0]


@pytest.mark.parametrize(
    ("wanted", "answer", "value"),
    [
        ("billing", "billing", 1.0),
        ("billing", " Billing\n", 1.0),
        ("billing", "billing.", 0.0),
        ("billing", "refund", 0.0),
        ("straße", "STRASSE", 1.0),
        (3, "3", 1.0),
        ("", "", 1.0),
        ("billing", None, 0.0),
        (None, "billing", None),
        (None, None, None),
    ],
)
def test_labels_are_compared_without_space_and_case(
    wanted: object, answer: str | None, value: float | None
) -> None:
    """Space around a label and its case do not matter; anything else does; no answer is wrong."""
    assert value == score(wanted, answer).value


def test_a_score_says_why() -> None:
    """What is not 1 has a reason."""
    assert ("wanted billing", "no answer", "not labelled") == (
        score("billing", "refund").why,
        score("billing", None).why,
        score(None, "refund").why,
    )


def test_macro_f1_and_accuracy_agree_with_scikit_learn() -> None:
    """On random labels, one of them rare and one never answered, both figures are scikit-learn's."""
    rng = np.random.default_rng(3)
    wanted = [str(x) for x in rng.choice(list("abcd"), size=200, p=[0.6, 0.3, 0.08, 0.02])]
    answers = [w if rng.random() < 0.7 else str(rng.choice(list("abce"))) for w in wanted]
    assert f1_score(wanted, answers, average="macro") == pytest.approx(metrics.macro_f1(wanted, answers))
    assert recall_score(wanted, answers, average="micro") == pytest.approx(metrics.accuracy(wanted, answers))


def test_no_answer_is_a_miss() -> None:
    """Two of three `a`, one open; `b` right: F1 are 4/5 and 1, accuracy 3/4."""
    wanted, answers = ["a", "a", "a", "b"], ["a", "a", None, "b"]
    assert 0.9 == pytest.approx(metrics.macro_f1(wanted, answers))
    assert 0.75 == metrics.accuracy(wanted, answers)


@pytest.mark.parametrize("metric", [metrics.accuracy, metrics.macro_f1])
def test_no_samples_have_no_metric(metric: type) -> None:
    """A metric of nothing is a fault, not 0."""
    with pytest.raises(ValueError, match="cannot be compared"):
        metric([], [])


def test_recall_at_a_false_alarm_rate() -> None:
    """With one false alarm in four allowed, three of four positives are found."""
    scores = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]
    positive = [True, True, False, True, False, True, False, False]
    point = metrics.recall_at_false_alarm(scores, positive, false_alarm=0.25)
    assert (0.75, 0.25, 0.6, 4, 4) == (
        point.recall,
        point.false_alarm,
        point.threshold,
        point.positives,
        point.negatives,
    )


def test_equal_scores_are_called_alike() -> None:
    """A threshold cannot part samples of one score: here none can be called without too many alarms."""
    point = metrics.recall_at_false_alarm([0.5] * 4, [True, True, False, False], false_alarm=0.5)
    assert (0.0, float("inf")) == (point.recall, point.threshold)


@pytest.mark.parametrize("positive", [[True, True], [False, False]])
def test_recall_needs_both_classes(positive: list[bool]) -> None:
    """Without positives, or without others, there is no such metric."""
    with pytest.raises(ValueError, match="needs both classes"):
        metrics.recall_at_false_alarm([0.1, 0.2], positive, false_alarm=0.1)
