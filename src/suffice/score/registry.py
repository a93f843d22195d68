"""Which scorer gives a metric its values, and when two answers are the same under it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from suffice.bar import Metric, QualityBar
from suffice.errors import SpecError
from suffice.ports import Scorer
from suffice.score.classify import LabelScorer, normal
from suffice.score.fields import FieldF1Scorer
from suffice.score.forms import (
    Form,
    found_form,
    normalised_form,
    number_form,
    object_form,
    raw_form,
    text_form,
)
from suffice.score.match import FormScorer, SameAnswer
from suffice.score.numeric import NumberScorer
from suffice.score.overlap import ChrF, RougeL
from suffice.score.unit_tests import UnitTestScorer
from suffice.task import Kind


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How answers become numbers. `worth` compares with the truth; `same` with the reference's answer.

    Answers that `same` calls equal have equal worth, whatever the truth is: so no label is needed
    where a candidate and its reference agree.
    """

    worth: Scorer
    same: Scorer


def scoring_of(bar: QualityBar, kind: Kind) -> Scoring:
    """Returns the scorers of a task's metric.

    Raises:
        SpecError: the metric has no scorer.
        MissingExtra: it needs packages that are not installed.
    """
    make = _SCORINGS.get(bar.metric)
    if make is None:
        raise SpecError(
            "metric 'judge' cannot be certified: a judge's scores are no truth",
            hint="use a metric that compares with the truth, or calibrate it on human labels (`judge:`)",
        )
    return make(bar, kind)


def _labels(bar: QualityBar, kind: Kind) -> Scoring:  # noqa: ARG001 - every maker has this form
    return Scoring(worth=LabelScorer(), same=SameAnswer(lambda answer: normal(str(answer))))


def _exact(bar: QualityBar, kind: Kind) -> Scoring:
    whole = object_form if kind is Kind.EXTRACT else text_form
    form: Form = partial(whole, ignore_case=bar.ignore_case)
    return Scoring(worth=FormScorer(form), same=SameAnswer(form))


def _field_f1(bar: QualityBar, kind: Kind) -> Scoring:  # noqa: ARG001
    form: Form = partial(object_form, ignore_case=bar.ignore_case)
    return Scoring(worth=FieldF1Scorer(ignore_case=bar.ignore_case), same=SameAnswer(form))


def _normalised(bar: QualityBar, kind: Kind) -> Scoring:  # noqa: ARG001
    return Scoring(worth=FormScorer(normalised_form), same=SameAnswer(normalised_form))


def _numeric(bar: QualityBar, kind: Kind) -> Scoring:  # noqa: ARG001
    worth = NumberScorer(tolerance=bar.tolerance or 0.0, pattern=bar.pattern)
    # Equal numbers only: of two numbers within the tolerance of each other one may be right alone.
    return Scoring(worth=worth, same=SameAnswer(partial(number_form, pattern=bar.pattern)))


def _regex(bar: QualityBar, kind: Kind) -> Scoring:  # noqa: ARG001
    pattern = bar.pattern or ""
    found = partial(found_form, pattern=pattern, ignore_case=bar.ignore_case)
    wish = partial(text_form, ignore_case=bar.ignore_case)
    return Scoring(worth=FormScorer(found, wish=wish), same=SameAnswer(found))


def _rouge_l(bar: QualityBar, kind: Kind) -> Scoring:  # noqa: ARG001
    return Scoring(worth=RougeL(), same=SameAnswer(raw_form))


def _chrf(bar: QualityBar, kind: Kind) -> Scoring:  # noqa: ARG001
    return Scoring(worth=ChrF(), same=SameAnswer(raw_form))


def _unit_tests(bar: QualityBar, kind: Kind) -> Scoring:  # noqa: ARG001
    return Scoring(worth=UnitTestScorer(), same=SameAnswer(raw_form))


# A new metric is one file, one line here, and one in `bar.Metric`.
_SCORINGS: dict[Metric, Callable[[QualityBar, Kind], Scoring]] = {
    Metric.ACCURACY: _labels,
    Metric.MACRO_F1: _labels,
    Metric.RECALL_AT_FALSE_ALARM: _labels,
    Metric.EXACT_MATCH: _exact,
    Metric.FIELD_F1: _field_f1,
    Metric.NORMALISED_MATCH: _normalised,
    Metric.NUMERIC_MATCH: _numeric,
    Metric.REGEX: _regex,
    Metric.ROUGE_L: _rouge_l,
    Metric.CHRF: _chrf,
    Metric.UNIT_TESTS: _unit_tests,
}
