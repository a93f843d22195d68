"""What is good enough: acceptance criteria, and the three verdicts on them."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What the evidence says about a bar."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"  # the data cannot tell yet
    NOT_TESTED = "not_tested"  # the error budget was not spent on it


class Target(StrEnum):
    """What quality is held against."""

    ABSOLUTE = "absolute"  # quality >= at_least, against the truth
    NON_INFERIOR = "non_inferior"  # reference's quality - quality <= margin, against the truth, paired
    AGREEMENT = "agreement"  # share of answers that differ from the reference's <= at_most; needs no truth


class Metric(StrEnum):
    """How answers become one number."""

    ACCURACY = "accuracy"
    MACRO_F1 = "macro_f1"
    RECALL_AT_FALSE_ALARM = "recall_at_false_alarm"
    EXACT_MATCH = "exact_match"  # the whole object, or the whole text
    FIELD_F1 = "field_f1"  # each object's F1 of (field, value) pairs
    NORMALISED_MATCH = "normalised_match"  # the text without case, punctuation and articles
    NUMERIC_MATCH = "numeric_match"  # the last number
    REGEX = "regex"  # what a pattern finds in the text
    ROUGE_L = "rouge_l"
    CHRF = "chrf"
    UNIT_TESTS = "unit_tests"  # the text is Python, the truth its tests
    JUDGE = "judge"  # another model says

    @property
    def is_mean(self) -> bool:
        """Says whether quality is a mean over samples of values in [0, 1]: what bets can be made on."""
        return self not in {Metric.MACRO_F1, Metric.RECALL_AT_FALSE_ALARM}


@dataclass(frozen=True, kw_only=True)
class QualityBar:
    """The acceptance criterion for quality. Exactly the threshold its target names is set.

    `positive` and `false_alarm` belong to recall_at_false_alarm: the class to be found, and the
    largest share of other samples that may be taken for it. `ignore_case` makes texts equal that
    differ in case only; `tolerance` is how far numbers may be apart, `pattern` finds the answer in a
    text (numeric_match, regex). `fixed_n`: tested once on all rows, by an exact test; else by bets,
    which may stop at any row.
    """

    metric: Metric = Metric.ACCURACY
    target: Target
    at_least: float | None = None
    margin: float | None = None
    at_most: float | None = None
    positive: str | None = None
    false_alarm: float | None = None
    fixed_n: bool = False
    ignore_case: bool = False
    tolerance: float | None = None
    pattern: str | None = None

    @property
    def threshold(self) -> float:
        """Returns the one number of the target: at_least, margin or at_most."""
        number = {
            Target.ABSOLUTE: self.at_least,
            Target.NON_INFERIOR: self.margin,
            Target.AGREEMENT: self.at_most,
        }[self.target]
        if number is None:  # the task file's reader refuses such a bar
            raise ValueError(f"a bar of target {self.target.value!r} lacks its threshold")
        return number


@dataclass(frozen=True, kw_only=True)
class ResourceBars:
    """Upper limits on what answering may take; None where there is no limit."""

    latency_p95_ms: float | None = None
    memory_mb: float | None = None
    cost_usd_per_1k: float | None = None
    energy_j: float | None = None
    bytes_mb: float | None = None
