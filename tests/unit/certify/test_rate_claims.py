"""Claims about macro-F1 and recall."""

import numpy as np
import pytest

from suffice.bar import Verdict
from suffice.certify.rate_claims import MacroF1Claim, RecallClaim

MACRO = MacroF1Claim(classes=3, at_least=0.8)
RECALL = RecallClaim(at_least=0.8, false_alarm=0.1)


def test_good_answers_pass_and_bad_ones_fail():
    """With 600 rows a macro-F1 near 1 is shown, one near 0.5 refuted."""
    good = [MACRO.code(i % 3, i % 3) for i in range(600)]
    bad = [MACRO.code(i % 3, (i % 3 + i % 2) % 3) for i in range(600)]
    verdicts = [MACRO.test(rows, alpha=0.05, beta=0.05).verdict for rows in (good, bad)]
    assert [Verdict.PASS, Verdict.FAIL] == verdicts


def test_few_rows_are_inconclusive():
    """Nine perfect answers prove nothing about three classes."""
    rows = [MACRO.code(i % 3, i % 3) for i in range(9)]
    assert Verdict.INCONCLUSIVE == MACRO.test(rows, alpha=0.05, beta=0.05).verdict


def test_the_p_value_is_where_the_claim_turns():
    """At a larger alpha it passes, at a smaller it does not."""
    rows = [MACRO.code(i % 3, i % 3 if i % 12 else (i + 1) % 3) for i in range(240)]
    p_value = MACRO.test(rows, alpha=0.05, beta=0.05).p_value
    assert 0 < p_value < 1
    for alpha, passes in ((min(1.0, p_value * 1.01), True), (p_value * 0.99, False)):
        assert passes == (MACRO.test(rows, alpha=alpha, beta=0.05).verdict is Verdict.PASS)


def test_an_unknown_label_only_adds_false_alarms():
    """A row wanted outside the classes counts against the class that was answered."""
    clean = [MACRO.code(i % 3, i % 3) for i in range(90)]
    worse = [*clean, *[MACRO.code(MACRO.classes, 0)] * 30]
    assert (
        MACRO.test(worse, alpha=0.05, beta=0.05).estimate < MACRO.test(clean, alpha=0.05, beta=0.05).estimate
    )


@pytest.mark.parametrize(
    ("hits", "alarms", "verdict"),
    [
        (198, 8, Verdict.PASS),
        (198, 80, Verdict.FAIL),
        (110, 8, Verdict.FAIL),
        (165, 38, Verdict.INCONCLUSIVE),
    ],
)
def test_recall_needs_both_parts(hits, alarms, verdict):
    """Of 200 positives and 400 others: recall alone, or few alarms alone, is not enough."""
    rows = [
        *[RECALL.code(is_positive=True, is_called=i < hits) for i in range(200)],
        *[RECALL.code(is_positive=False, is_called=i < alarms) for i in range(400)],
    ]
    assert verdict == RECALL.test(rows, alpha=0.05, beta=0.05).verdict


@pytest.mark.slow
def test_claims_at_the_bar_seldom_pass():
    """Recall exactly at its bar passes at most alpha of the time (300 draws, 10%: 45 is 3 sigma)."""
    draw = np.random.default_rng(0)
    passed = 0
    for _ in range(300):
        hits = draw.binomial(150, 0.8)
        rows = [RECALL.code(is_positive=True, is_called=i < hits) for i in range(150)]
        rows += [RECALL.code(is_positive=False, is_called=False)] * 200
        passed += RECALL.test(rows, alpha=0.1, beta=0.05).verdict is Verdict.PASS
    assert passed <= 45
