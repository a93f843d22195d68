"""What goes together with one test at a fixed number of rows in a task file."""

from suffice.bar import Metric

# Answers are right or wrong: the exact tests are about counts.
_RIGHT_OR_WRONG = {
    "accuracy",
    "exact_match",
    "normalised_match",
    "numeric_match",
    "regex",
    "unit_tests",
}


def check_fixed_n(*, metric: Metric, is_live: bool, is_judged: bool) -> None:
    """Checks that every value can be there before the one look, and is a count of rights and wrongs.

    Raises:
        ValueError: the task calls a model live, has a judge, or a metric with shades or a test of its own.
    """
    if is_live:
        raise ValueError(
            "test fixed_n looks once, at all rows, so every call would be paid for; use the sequential test "
            "with models that are called live, or record their answers first"
        )
    if is_judged:
        raise ValueError("a judge's labels go with the sequential test; remove 'judge' or 'test: fixed_n'")
    if not metric.is_mean:
        raise ValueError(f"metric {metric.value} is tested once in any case; remove 'test: fixed_n'")
    if metric.value not in _RIGHT_OR_WRONG:
        raise ValueError(
            f"test fixed_n is for answers that are right or wrong; metric {metric.value} has shades between"
        )
