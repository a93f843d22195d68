"""Testing a path on certify rows: error rates, labels, and the evidence computed again."""

import json

import numpy as np
import pytest
from made_systems import NON_INFERIOR, graders, in_order, made_model, made_rows, single

from suffice.bar import QualityBar, Target, Verdict
from suffice.certify import evidence
from suffice.certify.search import search


def searched(rows, models, path, *, bar=NON_INFERIOR, alpha=0.05, prices=None):
    """Runs a search over made rows."""
    certify = in_order(rows, bar)
    prices = prices or [0.0] * len(path)
    return search(
        path, graders(certify.rows, models(certify.rows)), certify, bar=bar, alpha=alpha, call_prices=prices
    )


def test_a_better_model_passes_with_labels_only_where_answers_differ():
    """A model above its reference is certified; agreeing rows cost no label."""
    rows = made_rows(800, reference_right=0.85, seed=1)
    result = searched(
        rows, lambda r: [made_model("small", r, right=0.93, seed=2)], [single("small", mean=0.08)]
    )
    test = result.tests[0]
    assert (0, Verdict.PASS) == (result.chosen, test.verdict)
    assert 0 < test.labels < test.n
    assert test.e_value >= 1 / 0.05
    assert test.n >= 0.8 * test.bound_n


def test_a_hopeless_model_is_stopped_early():
    """Futility ends a test long before the rows do."""
    rows = made_rows(4000, reference_right=0.95, seed=1)
    result = searched(
        rows, lambda r: [made_model("small", r, right=0.6, seed=2)], [single("small", mean=-0.3)]
    )
    assert (None, Verdict.FAIL) == (result.chosen, result.tests[0].verdict)
    assert result.tests[0].n < 400


def test_the_walk_stops_at_the_first_that_is_not_certified():
    """A cheap model behind a bad dear one is not tested: that is the price of full alpha."""
    rows = made_rows(1000, reference_right=0.9, seed=1)

    def models(certify):
        return [
            made_model("cheap", certify, right=0.97, seed=2),
            made_model("dear", certify, right=0.5, seed=3),
        ]

    result = searched(rows, models, [single("cheap", cost=1), single("dear", cost=2)])
    assert [Verdict.NOT_TESTED, Verdict.FAIL] == [test.verdict for test in result.tests]


def test_paid_calls_may_turn_the_order():
    """Where calls are paid and the cheap model is good, climbing from below costs less."""
    rows = made_rows(1500, reference_right=0.85, seed=1)

    def models(certify):
        return [
            made_model("cheap", certify, right=0.95, seed=2),
            made_model("dear", certify, right=0.96, seed=3),
        ]

    path = [single("cheap", cost=1, mean=0.1), single("dear", cost=100, mean=0.1)]
    result = searched(rows, models, path, prices=[0.001, 1.0])
    assert ("ascending", 0) == (result.order, result.chosen)
    assert [pytest.approx(0.025)] == [test.alpha for test in result.in_order]


@pytest.mark.slow
@pytest.mark.parametrize(
    "bar",
    [
        NON_INFERIOR,
        QualityBar(target=Target.ABSOLUTE, at_least=0.85),
        QualityBar(target=Target.AGREEMENT, at_most=0.2),
    ],
    ids=lambda bar: bar.target.value,
)
def test_false_certificates_are_rare(bar):
    """With every system on the path just below the bar, at most alpha of the searches certify one.

    400 searches at alpha 10%: more than 57 would happen once in a thousand times if the rate were 10%.
    """
    false = 0
    for seed in range(400):
        rows = made_rows(300, reference_right=0.9, seed=seed)
        right = {Target.NON_INFERIOR: 0.85, Target.ABSOLUTE: 0.85, Target.AGREEMENT: 8 / 9}[bar.target]

        def models(certify, seed=seed, right=right):
            names = ("a", "b", "c")
            return [
                made_model(name, certify, right=right, seed=1000 + 3 * seed + i)
                for i, name in enumerate(names)
            ]

        path = [single(name, cost=i, mean=0.0) for i, name in enumerate(("a", "b", "c"))]
        false += searched(rows, models, path, bar=bar, alpha=0.1).chosen is not None
    assert false <= 57


def test_few_labels_are_tested_in_two_stages():
    """With a tenth of the labels, all pairs bound the disagreement and the labelled ones are bet on."""
    rows = made_rows(6000, reference_right=0.9, seed=1, unlabelled=0.9)
    certify = in_order(rows, NON_INFERIOR)
    assert certify.two_stage
    result = searched(
        rows, lambda r: [made_model("small", r, right=0.97, seed=2)], [single("small", mean=0.05)]
    )
    assert result.chosen == 0
    assert result.labels_used < 600


@pytest.mark.parametrize("unlabelled", [0.0, 0.9])
def test_the_evidence_gives_the_same_outcome_again(unlabelled):
    """From the written file alone: the same verdicts, n, alpha and p-values."""
    rows = made_rows(4000, reference_right=0.85, seed=1, unlabelled=unlabelled)

    def models(certify):
        return [
            made_model("a", certify, right=0.8, seed=2),
            made_model("b", certify, right=0.93, seed=3),
        ]

    certify = in_order(rows, NON_INFERIOR)
    result = searched(rows, models, [single("a", cost=1), single("b", cost=2)])
    written = json.loads(json.dumps(evidence.as_json(result, [row.key for row in certify.rows])))
    again = evidence.computed_again(written)
    for test in result.tests:
        found = again[test.system.cascade.name]
        assert (test.verdict.value, test.n, test.alpha) == (found["verdict"], found["n"], found["alpha"])
        if test.verdict is not Verdict.NOT_TESTED:
            np.testing.assert_allclose(test.p_value, found["p_value"], rtol=1e-9)


def test_evidence_that_was_made_up_is_refused():
    """Values outside the claim's range, or missing keys, are no evidence."""
    rows = made_rows(200, reference_right=0.85, seed=1)
    certify = in_order(rows, NON_INFERIOR)
    result = searched(rows, lambda r: [made_model("a", r, right=0.9, seed=2)], [single("a")])
    written = evidence.as_json(result, [row.key for row in certify.rows])
    written["tests"][0]["values"][0] = 7
    with pytest.raises(evidence.NotCertified, match="damaged"):
        evidence.computed_again(written)
    with pytest.raises(evidence.NotCertified, match="damaged"):
        evidence.computed_again({})
