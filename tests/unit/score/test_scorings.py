"""Metrics through their registry: what each says of answers, and when two are the same."""

import asyncio

import pytest

from suffice.bar import Metric, QualityBar, Target
from suffice.errors import SpecError
from suffice.readers.metric_keys import METRICS_OF
from suffice.score.registry import scoring_of
from suffice.task import Kind


def scores(metric, kind, pairs, **settings):
    """Returns the worth of answers, and whether they are the same, under a metric."""
    scoring = scoring_of(QualityBar(metric=metric, target=Target.ABSOLUTE, at_least=0.9, **settings), kind)
    wanted, answers = [want for want, _ in pairs], [answer for _, answer in pairs]
    worth = asyncio.run(scoring.worth.score(wanted, answers))
    same = asyncio.run(scoring.same.score(wanted, answers))
    return [score.value for score in worth], [score.value for score in same]


def test_exact_match_of_objects():
    """Right or wrong as a whole; no answer is wrong, and nothing wanted is nothing known."""
    pairs = [({"a": 1}, '{"a": 1.0}'), ({"a": 1}, '{"a": 1, "b": 2}'), ({"a": 1}, None), (None, "{}")]
    assert [1, 0, 0, None] == scores(Metric.EXACT_MATCH, Kind.EXTRACT, pairs)[0]


def test_field_f1_of_objects():
    """Half right is two thirds where one value of two was found; nothing wanted, nothing found is right."""
    want = {"a": "x", "b": "y"}
    pairs = [(want, '{"a": "x"}'), (want, '{"a": "x", "b": "z"}'), ({}, "{}"), (want, "a is x, b is y")]
    worth, same = scores(Metric.FIELD_F1, Kind.EXTRACT, pairs)
    assert [pytest.approx(2 / 3), 0.5, 1, 0] == worth
    assert [0, 0, 1, 0] == same


def test_two_answers_that_are_no_object_are_the_same_and_both_wrong():
    """So a row where candidate and reference both fail needs no label."""
    worth, same = scores(Metric.EXACT_MATCH, Kind.EXTRACT, [("sorry", "I cannot")])
    assert ([0], [1]) == (worth, same)


def test_numbers_within_a_tolerance_are_right_but_not_the_same():
    """Two answers near each other may be worth different things, so they are two answers."""
    worth, same = scores(
        Metric.NUMERIC_MATCH, Kind.GENERATE, [("10", "so 10.05"), ("10", "10.0")], tolerance=0.1
    )
    assert ([1, 1], [0, 1]) == (worth, same)


def test_texts():
    """Exact but for white space; normalised; found by a pattern."""
    pair = [("An answer", "an  answer.")]
    assert [0] == scores(Metric.EXACT_MATCH, Kind.GENERATE, pair)[0]
    assert [1] == scores(Metric.NORMALISED_MATCH, Kind.GENERATE, pair)[0]
    found = scores(Metric.REGEX, Kind.GENERATE, [("B", "I think (B) it is")], pattern=r"\(([A-D])\)")
    assert ([1], [0]) == found


@pytest.mark.parametrize("metric", [Metric.ROUGE_L, Metric.CHRF])
def test_overlap(metric):
    """All of the words are worth 1, none of them 0, some of them something between."""
    pytest.importorskip("rouge_score")
    pairs = [("the cat sat", "the cat sat"), ("the cat sat", "the cat ran"), ("cat", "zzz"), ("cat", None)]
    worth, _ = scores(metric, Kind.GENERATE, pairs)
    assert [1, 0, 0] == [worth[0], worth[2], worth[3]]
    assert 0 < worth[1] < 1


@pytest.mark.parametrize("kind", [Kind.CLASSIFY, Kind.EXTRACT, Kind.GENERATE])
def test_equal_answers_have_equal_worth(kind):
    """What lets a test skip the label where both models agree holds for every metric of the kind."""
    pytest.importorskip("rouge_score")
    texts = ['{"a": 1}', '{"a": 1.0}', "it is 10", "It is  10.0", "(B)", "no", "No", "", "3", "def f(): pass"]
    for metric in METRICS_OF[kind]:
        if metric in {Metric.JUDGE, Metric.UNIT_TESTS}:  # no scorer; only the same text is the same code
            continue
        settings = {"pattern": r"\d+"} if metric is Metric.REGEX else {}
        for want in ({"a": 1}, {}) if kind is Kind.EXTRACT else ("10", "no", "b"):
            worth, _ = scores(metric, kind, [(want, text) for text in texts], **settings)
            for index, text in enumerate(texts):
                _, same = scores(metric, kind, [(text, other) for other in texts], **settings)
                equal = [worth[j] for j, is_same in enumerate(same) if is_same == 1]
                assert {worth[index]} == set(equal), (metric, text)


def test_a_judge_that_is_not_there_scores_nothing():
    """The metric asks a model, which the task names."""
    with pytest.raises(SpecError, match="judge"):
        scores(Metric.JUDGE, Kind.GENERATE, [])
