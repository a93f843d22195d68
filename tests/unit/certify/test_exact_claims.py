"""One exact test at a fixed number of rows: decisions, error rate, and the evidence computed again."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made_systems import NON_INFERIOR, graders, in_order, made_model, made_rows, single

from suffice.bar import QualityBar, Target, Verdict
from suffice.certify import evidence
from suffice.certify.exact_claims import ExactPairedClaim, ExactRateClaim, fresh_rows, rows_for
from suffice.certify.rate_search import rate_search
from suffice.stats.paired_exact import critical_losses

ONCE = replace(NON_INFERIOR, fixed_n=True)
BARS = [
    ONCE,
    QualityBar(target=Target.ABSOLUTE, at_least=0.85, fixed_n=True),
    QualityBar(target=Target.AGREEMENT, at_most=0.2, fixed_n=True),
]


def searched(rows, models, path, *, bar, alpha=0.05):
    """Tests a path once."""
    certify = in_order(rows, bar)
    graded = graders(certify.rows, models(certify.rows))
    return certify, rate_search(path, graded, certify, bar=bar, labels=("no", "yes"), alpha=alpha)


def spread(wins, losses, n):
    """Values with so many of 1 and of -1."""
    return [1.0] * wins + [-1.0] * losses + [0.0] * (n - wins - losses)


def test_a_rate_is_tested_by_the_binomial():
    """59 of 59 show more than 95% at 5%; 58 of 58 do not; 40 of 59 are below it."""
    claim = ExactRateClaim(bar=0.95)
    for hits, n, verdict in ((59, 59, "pass"), (58, 58, "inconclusive"), (40, 59, "fail")):
        assert verdict == claim.test(spread(hits, 0, n), alpha=0.05, beta=0.05).verdict.value
    assert pytest.approx(0.95**59) == claim.test([1.0] * 59, alpha=0.05, beta=0.05).p_value


def test_a_paired_difference_is_tested_exactly():
    """Ties are values; many losses refute; the p-value decides."""
    claim = ExactPairedClaim(margin=0.05)
    good, bad = (claim.test(spread(*c, 500), alpha=0.05, beta=0.05) for c in ((20, 18), (5, 90)))
    assert (Verdict.PASS, Verdict.FAIL) == (good.verdict, bad.verdict)
    assert good.p_value <= 0.05 < bad.p_value
    assert Verdict.INCONCLUSIVE is claim.test(spread(3, 5, 60), alpha=0.05, beta=0.05).verdict


def test_the_p_value_and_the_critical_region_agree():
    """For each number of wins the most losses that pass are those of `stats.paired_exact`, or one more."""
    claim = ExactPairedClaim(margin=0.05)
    region = critical_losses(200, 0.05, 0.05)
    for wins in (0, 3, 10, 40):
        passing = [
            claim.test(spread(wins, c, 200), alpha=0.05, beta=0.05).verdict is Verdict.PASS
            for c in range(max(region[wins], 0), region[wins] + 3)
        ]
        assert passing[-1] is False
        assert region[wins] < 0 or passing[0] is True


def test_values_of_another_kind_are_refused():
    """Shades between right and wrong have no exact test."""
    with pytest.raises(ValueError, match=r"found 0\.5"):
        ExactRateClaim(bar=0.5).test([1.0, 0.5], alpha=0.05, beta=0.05)
    with pytest.raises(ValueError, match="found 2"):
        ExactPairedClaim(margin=0.5).test([2.0], alpha=0.05, beta=0.05)


def test_rows_that_would_do():
    """(1.645 + 0.842)^2 variances over the squared gap; none where the mean is not above the bar."""
    assert pytest.approx(0.09 * (1.6449 + 0.8416) ** 2 / 0.05**2, rel=1e-3) == rows_for(
        0.85, mean=0.9, variance=0.09, alpha=0.05
    )
    assert rows_for(0.85, mean=0.85, variance=0.09, alpha=0.05) is None
    assert 223 == fresh_rows(ExactRateClaim(bar=0.85), spread(90, 0, 100), alpha=0.05)


@pytest.mark.parametrize("bar", BARS, ids=lambda bar: bar.target.value)
def test_the_walk_and_its_evidence(bar):
    """The dear one passes, the cheap one does not; the written file gives the same again."""
    rows = made_rows(900, reference_right=0.85, seed=1)

    def models(certify):
        return [
            made_model("cheap", certify, right=0.7, seed=2),
            made_model("dear", certify, right=0.97, seed=3),
        ]

    certify, result = searched(rows, models, [single("cheap", cost=1), single("dear", cost=2)], bar=bar)
    cheap, dear = result.tests
    assert ((Verdict.FAIL, Verdict.PASS), 1) == ((cheap.verdict, dear.verdict), result.chosen)
    assert {900} == {test.n for test in result.tests}
    assert {"non_inferior": True, "absolute": False, "agreement": True}[bar.target] == (dear.labels < 900)
    written = json.loads(json.dumps(evidence.as_json(result, [row.key for row in certify.rows])))
    again = evidence.computed_again(written)
    for test in result.tests:
        found = again[test.system.cascade.name]
        assert (test.verdict.value, test.n) == (found["verdict"], found["n"])
        np.testing.assert_allclose(test.p_value, found["p_value"], rtol=1e-9)
    assert dear.bound_n > 0


def test_what_is_not_reached_is_not_looked_at():
    """Under a dear one that is not shown the cheap one has no values."""
    rows = made_rows(300, reference_right=0.9, seed=1)

    def models(certify):
        return [
            made_model("cheap", certify, right=0.97, seed=2),
            made_model("dear", certify, right=0.6, seed=3),
        ]

    _, result = searched(rows, models, [single("cheap", cost=1), single("dear", cost=2)], bar=ONCE)
    assert (Verdict.NOT_TESTED, 0) == (result.tests[0].verdict, result.tests[0].n)
    assert result.chosen is None


@pytest.mark.slow
@pytest.mark.parametrize(("wins", "losses"), [(0.0, 0.05), (0.05, 0.1)])
def test_a_paired_claim_at_the_bar_passes_at_most_alpha_of_the_time(wins, losses):
    """2,000 sets of 200 rows at E[D] = -margin and alpha 5%: over 133 is a chance of 0.1%."""
    draw = np.random.default_rng(1)
    counts = draw.multinomial(200, [wins, losses, 1 - wins - losses], 2_000)
    claim, known = ExactPairedClaim(margin=0.05), {}
    for b, c, _ in counts.tolist():
        if (b, c) not in known:
            found = claim.test(spread(b, c, 200), alpha=0.05, beta=0.05)
            known[b, c] = found.verdict is Verdict.PASS
    assert sum(known[b, c] for b, c, _ in counts.tolist()) <= 133


@pytest.mark.slow
@pytest.mark.parametrize("bar", BARS, ids=lambda bar: bar.target.value)
def test_false_certificates_are_rare(bar):
    """With every system of the path at the bar, at most alpha of 100 searches at 10% certify one."""
    right = {Target.NON_INFERIOR: 0.85, Target.ABSOLUTE: 0.85, Target.AGREEMENT: 8 / 9}[bar.target]
    false = 0
    for seed in range(100):
        rows = made_rows(120, reference_right=0.9, seed=seed)

        def models(certify, seed=seed):
            return [made_model(n, certify, right=right, seed=900 + 2 * seed + i) for i, n in enumerate("ab")]

        path = [single(name, cost=i) for i, name in enumerate("ab")]
        false += searched(rows, models, path, bar=bar, alpha=0.1)[1].chosen is not None
    assert false <= 20
