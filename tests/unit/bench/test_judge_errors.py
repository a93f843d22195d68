"""No judge, however bad, has a system at the bar certified too often beside people's labels."""

import pytest

from bench.judge_errors import BAR, JUDGES, run
from suffice.score.judge.report import report_on

pytestmark = pytest.mark.slow
BAD = sorted(set(JUDGES) - {"right on 90%"})
REPS = 8


def test_bad_judges_break_no_error_budget():
    """At most 4% of runs may err; 56 runs, of which more than 8 would have probability under 1 in 1,000."""
    wrong = sum(run(*JUDGES[name], seed=seed).is_certified for name in BAD for seed in range(REPS))
    assert wrong <= 8


def test_a_good_judge_is_relied_on_and_a_good_system_certified():
    """With power: most of the time."""
    outcomes = [run(*JUDGES["right on 90%"], seed=seed, right=BAR + 0.14) for seed in range(8)]
    assert sum(outcome.is_certified for outcome in outcomes) >= 6
    assert sum(outcome.is_relied_on for outcome in outcomes) >= 4


@pytest.mark.parametrize("name", BAD)
def test_a_report_shows_what_is_wrong(name):
    """By the number that each bias moves."""
    found = report_on(run(*JUDGES[name], seed=1).judged)
    leniency = dict(found.leniency)["small"].interval
    shown = {
        "wrong on 90%": lambda: found.kappa.interval.upper < 0,
        "always yes": lambda: found.specificity.interval.upper < 0.5 and leniency.lower > 0,
        "a coin": lambda: found.kappa.interval.lower < 0.2,
        "flattering: two thirds of the errors pass": lambda: leniency.lower > 0,
        "always the first": lambda: found.first.interval.lower > 0.9 and found.changed.value == 1,
        "always the longer": lambda: found.length.interval.lower > 0.7,
        "always its own": lambda: leniency.lower > 0,
    }
    assert shown[name]()
