"""A judge's labels beside few true ones: laid out, relied on where dev shows them worth it, never truth."""

import json
from dataclasses import replace

import numpy as np
import pytest
from made_systems import NON_INFERIOR, grade, in_order, single

from suffice.bar import QualityBar, Target, Verdict
from suffice.certify import evidence
from suffice.certify.certify_rows import usable_rows
from suffice.certify.graded import GradedModel, grade_reference
from suffice.certify.judged import JudgedDev, with_judge
from suffice.certify.search import search
from suffice.certify.systems import Graders
from suffice.ports import Answer
from suffice.task import Sample

ABSOLUTE = QualityBar(target=Target.ABSOLUTE, at_least=0.85)
FRESH = 4


def judged_rows(labels, *, right, judge, seed, reference_right=0.9):
    """Rows, one in five labelled; `judge(hit, draw)` is the judge's label, "model" the model's answer.

    The truth is "yes"; the model says so at the rate `right`, and otherwise "wrong".
    """
    draw = np.random.default_rng(seed)
    rows, answers = [], {}
    for i in range(labels * (1 + FRESH)):
        hit = bool(draw.random() < right)
        key = f"{seed}-{i}"
        answers[key] = "yes" if hit else "wrong"
        said = judge(hit, draw)
        rows.append(
            Sample(
                key=key,
                text=str(i),
                target="yes" if i % (1 + FRESH) == 0 else None,
                reference="yes" if draw.random() < reference_right else "no",
                judge=answers[key] if said == "model" else said,
            )
        )
    return rows, answers


def searched(rows, answers, system, *, bar, alpha=0.05):
    """Tests one system on the rows."""
    certify = in_order(rows, bar)

    def ask(samples):
        return [Answer(text=answers[s.key]) for s in samples]

    graders = Graders(
        models={"one": GradedModel("one", certify.rows, ask=ask, grade=grade)},
        reference=grade_reference(certify.rows, grade),
        reference_judged=grade_reference(certify.rows, grade, by_judge=True),
    )
    return certify, search([system], graders, certify, bar=bar, alpha=alpha, call_prices=[0.0])


def relying(system, *, variance=0.1):
    """The estimate of a system whose test relies wholly on the judge."""
    return replace(system, reliance=1.0, fresh=FRESH, variance=variance)


def right_on(accuracy):
    """A judge right this often: its label makes the model's answer look as it is, or the reverse."""

    def judge(hit, draw):
        is_right = draw.random() < accuracy
        if is_right:
            return "yes"
        return "no" if hit else "wrong"

    return judge


def test_each_labelled_row_gets_its_own_fresh_ones():
    """Every row is used at most once; what does not divide is left out."""
    rows, _ = judged_rows(40, right=0.9, judge=right_on(0.9), seed=1)
    certify = in_order(rows[:-3], ABSOLUTE)
    assert (FRESH - 1, 40) == (certify.fresh, certify.tested)
    assert len(certify.rows) == len({row.key for row in certify.rows}) == 40 * FRESH
    assert all((row.target is not None) == (at % FRESH == 0) for at, row in enumerate(certify.rows))
    alone = certify.without_judge().rows
    assert [row.key for row in certify.rows[::FRESH]] == [row.key for row in alone]
    assert {None} == {row.judge for row in alone}


def test_without_enough_unlabelled_rows_there_is_no_judge():
    """More labelled than unlabelled rows, or no judge's label at all: the test is as without a judge."""
    rows, _ = judged_rows(40, right=0.9, judge=right_on(0.9), seed=1)
    labelled = [replace(row, target="yes") if at % 3 else row for at, row in enumerate(rows)]
    silent = [replace(row, judge=None) for row in rows]
    for bare in (labelled, silent):
        assert 0 == in_order(bare, ABSOLUTE).fresh
    assert in_order(silent, NON_INFERIOR).two_stage
    agreement = QualityBar(target=Target.AGREEMENT, at_most=0.1)
    assert 0 == usable_rows(rows, agreement.target, order_of=lambda row: row.key).fresh


def test_a_good_judge_passes_sooner_and_only_truths_are_counted_as_labels():
    """With the judge fewer truths are taken; the judge's labels are counted apart."""
    alone, taken = single("one", mean=0.92, n=4000), []
    for seed in range(8):
        rows, answers = judged_rows(600, right=0.92, judge=right_on(0.98), seed=seed)
        _, without = searched(rows, answers, replace(alone, variance=0.07), bar=ABSOLUTE)
        _, found = searched(rows, answers, relying(alone, variance=0.03), bar=ABSOLUTE)
        taken.append((without.tests[0].n, found.tests[0].n))
    test = found.tests[0]
    assert Verdict.PASS is test.verdict
    assert sum(n for _, n in taken) < 0.75 * sum(n for n, _ in taken)
    assert (test.n, FRESH * test.n + test.n) == (test.labels, test.judge_labels)
    assert 0 == without.tests[0].judge_labels
    assert (found.labels_used, found.judge_labels_used) == (test.labels, test.judge_labels)


def test_where_both_answer_alike_neither_truth_nor_judge_is_taken():
    """Against the reference, labels of either kind count only where the answers differ."""
    rows, answers = judged_rows(400, right=0.95, judge=right_on(0.95), seed=4)
    certify, found = searched(rows, answers, relying(single("one", mean=0.05)), bar=NON_INFERIOR)
    test = found.tests[0]
    differs = [row.reference != answers[row.key] for row in certify.rows[: test.n * certify.stride]]
    assert (sum(differs[:: certify.stride]), sum(differs)) == (test.labels, test.judge_labels)


def test_a_row_the_judge_left_out_stays_in():
    """Missing judge labels count as "nothing said"; they are not counted as labels."""
    rows, answers = judged_rows(200, right=0.95, judge=right_on(0.95), seed=5)
    rows = [replace(row, judge=None) if at % 2 else row for at, row in enumerate(rows)]
    certify, found = searched(rows, answers, relying(single("one", mean=0.95)), bar=ABSOLUTE)
    test = found.tests[0]
    seen = certify.rows[: test.n * certify.stride]
    assert FRESH == certify.fresh
    assert sum(row.judge is not None for row in seen) == test.judge_labels < len(seen)


@pytest.mark.parametrize("bar", [ABSOLUTE, NON_INFERIOR], ids=lambda bar: bar.target.value)
def test_the_evidence_gives_the_same_outcome_again(bar):
    """From Y, f and the fresh labels' sum alone: the same verdict, n and p-value."""
    rows, answers = judged_rows(300, right=0.93, judge=right_on(0.9), seed=6)
    mean = 0.92 if bar is ABSOLUTE else 0.02
    certify, found = searched(rows, answers, relying(single("one", mean=mean)), bar=bar)
    written = json.loads(json.dumps(evidence.as_json(found, [row.key for row in certify.rows])))
    again = evidence.computed_again(written)["one"]
    test = found.tests[0]
    assert (test.verdict.value, test.n) == (again["verdict"], again["n"])
    np.testing.assert_allclose(test.p_value, again["p_value"], rtol=1e-9)
    written["tests"][0]["values"][0][2] = FRESH + 1
    with pytest.raises(evidence.NotCertified, match="damaged"):
        evidence.computed_again(written)


def dev_view(*, accuracy, n=150, right=0.92, flattered=0.0, seed=7):
    """A system on dev: Y, the judge's f, and f of unlabelled rows, of which some errors are let pass."""
    draw = np.random.default_rng(seed)
    y, others = (draw.random(size) < right for size in (n, FRESH * n))
    f, g = (np.where(draw.random(v.size) < accuracy, v, ~v) for v in (y, others))
    g = g | (draw.random(g.size) < flattered)
    return JudgedDev(labels=y.astype(float), predictions=f.astype(float), others=g.astype(float), worst=0.0)


@pytest.mark.parametrize(("accuracy", "is_used"), [(0.98, True), (0.9, True), (0.5, False), (0.02, False)])
def test_dev_decides_how_far_a_judge_is_relied_on(accuracy, is_used):
    """A good judge is relied on; a coin, or one that is always wrong, not at all."""
    found = replace(single("one", mean=0.92, n=150), variance=0.1)
    again = with_judge(found, dev_view(accuracy=accuracy), ABSOLUTE, fresh=FRESH, alpha=0.05)
    assert is_used == (again.reliance > 0)
    if not is_used:
        assert found == again
    else:
        assert again.variance < found.variance


def test_a_judge_that_sees_labelled_rows_otherwise_is_not_relied_on():
    """Where the judge's labels look different on labelled dev rows, the assumption is broken."""
    found = replace(single("one", mean=0.92, n=400), variance=0.08)
    honest, knowing = (dev_view(accuracy=0.98, n=400, flattered=share) for share in (0.0, 0.9))
    assert with_judge(found, honest, ABSOLUTE, fresh=FRESH, alpha=0.05).reliance > 0
    assert found == with_judge(found, knowing, ABSOLUTE, fresh=FRESH, alpha=0.05)


def anti_correlated(hit, draw):  # noqa: ARG001 - a judge's signature
    """Calls right answers wrong and wrong ones right."""
    return "no" if hit else "wrong"


def constant(hit, draw):  # noqa: ARG001 - a judge's signature
    """Says one label whatever the row is."""
    return "wrong"


def flattering(hit, draw):  # noqa: ARG001 - a judge's signature
    """Agrees with nine of ten of the model's answers."""
    return "model" if draw.random() < 0.9 else "no"


@pytest.mark.slow
@pytest.mark.parametrize("judge", [right_on(0.95), anti_correlated, constant, flattering])
@pytest.mark.parametrize("bar", [ABSOLUTE, NON_INFERIOR], ids=lambda bar: bar.target.value)
def test_no_judge_makes_false_certificates_frequent(judge, bar):
    """With the system at the bar and full reliance, at most alpha of the searches certify it.

    60 searches at alpha 10%: more than 14 would happen less than once in a thousand times.
    """
    system = relying(single("one", mean=0.88 if bar is ABSOLUTE else 0.0), variance=0.12)
    false = 0
    for seed in range(60):
        rows, answers = judged_rows(80, right=0.85, judge=judge, seed=seed)
        false += searched(rows, answers, system, bar=bar, alpha=0.1)[1].chosen is not None
    assert false <= 14
