"""Which scorer gives a metric its values, and when two answers are the same under it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from suffice.bar import Metric, QualityBar
from suffice.errors import SpecError
from suffice.forms import Form, form_of, text_form
from suffice.ports import Scorer
from suffice.score.classify import LabelScorer
from suffice.score.fields import FieldF1Scorer
from suffice.score.judge.ratings import HumanFirst
from suffice.score.match import FormScorer, SameAnswer
from suffice.score.numeric import NumberScorer
from suffice.score.overlap import ChrF, RougeL
from suffice.score.sandbox import namespaces_allowed
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


def scoring_of(bar: QualityBar, kind: Kind, *, judge: Scorer | None = None) -> Scoring:
    """Returns the scorers of a task's metric; `judge` is the model that metric judge asks.

    Raises:
        SpecError: the metric is a judge, and there is none.
        MissingExtra: it needs packages that are not installed.
    """
    form = form_of(form_settings(bar, kind))
    if bar.metric is not Metric.JUDGE:
        return Scoring(worth=_SCORERS[bar.metric](bar, form), same=SameAnswer(form))
    if judge is None:
        raise SpecError("metric judge asks a model, and there is none", hint="add `judge:` to the task file")
    return Scoring(worth=HumanFirst(judge), same=SameAnswer(form))


def scoring_notes(bar: QualityBar) -> tuple[str, ...]:
    """Returns what a user should know of how the scores came about."""
    if bar.metric is not Metric.UNIT_TESTS:
        return ()
    apart = "had no network" if namespaces_allowed() else "was refused sockets by Python, not by the system"
    return (f"answers' code ran in a process of its own, under limits, which {apart}",)


def form_settings(bar: QualityBar, kind: Kind) -> dict[str, Any]:
    """Returns what `forms.form_of` needs to say when two answers are the same under a task's metric."""
    return {
        "metric": bar.metric.value,
        "kind": kind.value,
        "ignore_case": bar.ignore_case,
        "pattern": bar.pattern,
    }


# A new metric is one file, one line here, and one in `bar.Metric`. A judge is opened by the pipeline.
_SCORERS: dict[Metric, Callable[[QualityBar, Form], Scorer]] = {
    Metric.ACCURACY: lambda _bar, _form: LabelScorer(),
    Metric.MACRO_F1: lambda _bar, _form: LabelScorer(),
    Metric.RECALL_AT_FALSE_ALARM: lambda _bar, _form: LabelScorer(),
    Metric.EXACT_MATCH: lambda _, form: FormScorer(form),
    Metric.FIELD_F1: lambda bar, _: FieldF1Scorer(ignore_case=bar.ignore_case),
    Metric.NORMALISED_MATCH: lambda _, form: FormScorer(form),
    Metric.NUMERIC_MATCH: lambda bar, _: NumberScorer(tolerance=bar.tolerance or 0.0, pattern=bar.pattern),
    Metric.REGEX: lambda bar, form: FormScorer(form, wish=partial(text_form, ignore_case=bar.ignore_case)),
    Metric.ROUGE_L: lambda _bar, _form: RougeL(),
    Metric.CHRF: lambda _bar, _form: ChrF(),
    Metric.UNIT_TESTS: lambda _bar, _form: UnitTestScorer(),
}
