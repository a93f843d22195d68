"""What goes together with a judge's labels in a task file."""

from suffice.bar import Metric, Target

# No means over rows of a worth against the truth: bets on a judge as control variate need one.
_NOT_WITH = {"macro_f1", "recall_at_false_alarm", "unit_tests", "judge"}


def check_judge(answers: str, *, metric: Metric, target: Target, truth: str | None) -> None:
    """Checks that a judge's labels can take part in the test of this bar.

    Raises:
        ValueError: the bar needs no truth or is no mean, or the field is the truth's own.
    """
    if target is Target.AGREEMENT:
        raise ValueError("target agreement needs no truth, so there is nothing to judge; remove 'judge'")
    if metric.value in _NOT_WITH:
        raise ValueError(
            f"metric {metric.value} cannot be tested with a judge's labels; use accuracy, or remove 'judge'"
        )
    if answers == truth:
        raise ValueError(
            f"judge.answers and target are both {answers!r}: a judge's labels are never taken for the truth"
        )
