"""Which metrics a kind of task has, and which keys of the quality bar go with which metric."""

import re
from typing import Protocol

from suffice.bar import Metric, Target
from suffice.task import Kind

# The first is the one a kind has where the task file names none.
METRICS_OF: dict[Kind, tuple[Metric, ...]] = {
    Kind.CLASSIFY: (Metric.ACCURACY, Metric.MACRO_F1, Metric.RECALL_AT_FALSE_ALARM),
    Kind.EXTRACT: (Metric.EXACT_MATCH, Metric.FIELD_F1),
    Kind.GENERATE: (
        Metric.EXACT_MATCH,
        Metric.NORMALISED_MATCH,
        Metric.NUMERIC_MATCH,
        Metric.REGEX,
        Metric.ROUGE_L,
        Metric.CHRF,
        Metric.UNIT_TESTS,
        Metric.JUDGE,
    ),
    Kind.RANK: (Metric.EXACT_MATCH,),
}
# Keys that only some metrics take.
_METRICS_WITH: dict[str, set[Metric]] = {
    "positive": {Metric.RECALL_AT_FALSE_ALARM},
    "false_alarm": {Metric.RECALL_AT_FALSE_ALARM},
    "ignore_case": {Metric.EXACT_MATCH, Metric.FIELD_F1, Metric.REGEX},
    "tolerance": {Metric.NUMERIC_MATCH},
    "pattern": {Metric.NUMERIC_MATCH, Metric.REGEX},
}
_NEEDS = {Metric.RECALL_AT_FALSE_ALARM: ("positive", "false_alarm"), Metric.REGEX: ("pattern",)}


class Settings(Protocol):
    """The keys of the quality bar, as far as they are checked here."""

    @property
    def target(self) -> Target:
        """Returns what quality is held against."""
        ...

    @property
    def pattern(self) -> str | None:
        """Returns the pattern that finds the answer."""
        ...


def metric_of(kind: Kind, named: Metric | None) -> Metric:
    """Returns the metric of a task: the one named, or the kind's usual one.

    Raises:
        ValueError: the kind has no such metric.
    """
    known = METRICS_OF[kind]
    if named is None:
        return known[0]
    if named not in known:
        listed = ", ".join(metric.value for metric in known)
        raise ValueError(f"metric {named.value} does not go with kind {kind.value}; it has {listed}")
    return named


def check_settings(metric: Metric | None, settings: Settings) -> None:
    """Checks that the keys beside a metric are its own, and that none is missing.

    Without a metric the kind, not known here, gives it its usual one: any kind's will do.

    Raises:
        ValueError: a key is missing, belongs to another metric, or the pattern is no pattern.
    """
    possible = {metrics[0] for metrics in METRICS_OF.values()} if metric is None else {metric}
    for name, metrics in _METRICS_WITH.items():
        if getattr(settings, name) and not possible & metrics:
            listed = " and ".join(sorted(m.value for m in metrics))
            raise ValueError(f"{name!r} belongs to metric {listed}{' alone' if len(metrics) == 1 else ''}")
    if settings.pattern is not None:
        try:
            re.compile(settings.pattern)
        except re.error as error:
            raise ValueError(f"pattern {settings.pattern!r} is no regular expression: {error}") from error
    if metric is None:
        return
    needed = _NEEDS.get(metric, ())
    if any(getattr(settings, name) is None for name in needed):
        raise ValueError(f"metric {metric.value} needs {' and '.join(map(repr, needed))}")
    if settings.target is not Target.ABSOLUTE and not metric.is_mean:
        raise ValueError(f"metric {metric.value} is held against target absolute only")
