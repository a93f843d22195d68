"""The rows of a task whose metric is a judge, as the proof sees them: people's labels are the truth.

A sample's `target` becomes what its answers' worth is read from: people's ratings of them, or, where the task
has none at all, the case that is put to the judge. With ratings that case stands in `judge`: a guess, as
labels of a judge in the data are, and under the same rules.
"""

from collections.abc import Mapping
from dataclasses import replace

from suffice.cascade import REFERENCE
from suffice.errors import DataError
from suffice.models.recorded import text_of
from suffice.pipeline.rows import Rows
from suffice.readers.judge_keys import JudgeSpec, human_key
from suffice.score.judge.asking import Case, Mode, request_text
from suffice.score.judge.ratings import rating_of
from suffice.task import Sample, Split

_TIE = 0.5


def judged_rows(rows: Rows, judge: JudgeSpec, *, has_reference: bool) -> tuple[Rows, tuple[str, ...]]:
    """Returns the rows with dev and certify as a judged task's proof sees them, and notes on what is missing.

    Raises:
        DataError: there is nothing to judge answers by, no row of a split has people's labels though the task
            names them, or a label is none.
    """
    splits = dict(rows.splits)
    notes: list[str] = []
    for split in (Split.DEV, Split.CERTIFY):
        samples = tuple(_judged(sample, judge, has_reference=has_reference) for sample in rows.splits[split])
        _check(rows.splits[split], samples, judge, split)
        notes += _partly(rows.splits[split], samples, judge, split)
        splits[split] = samples
    return replace(rows, splits=splits), tuple(notes)


def case_of(sample: Sample, mode: Mode, *, has_reference: bool) -> Case | None:
    """Returns what an answer to a sample is judged by; None where that is not known.

    GRADE: the truth. COMPARE: the reference's answer where the task has a reference, else the truth.
    """
    beside = sample.reference if mode is Mode.COMPARE and has_reference else sample.target
    text = text_of(beside)
    return None if text is None else Case(request=request_text(sample), beside=text)


def ratings_of(sample: Sample, judge: JudgeSpec, *, has_reference: bool) -> Mapping[str, float] | None:
    """Returns people's ratings of a sample's recorded answers, by text; None unless all are rated.

    A text that two candidates gave has the mean of its ratings. Where answers are compared with the
    reference's, that one is worth a half: it ties with itself.

    Raises:
        DataError: a label is neither a number from 0 to 1 nor a word for one.
    """
    given: dict[str, list[float]] = {}
    for name in judge.human:
        answer = text_of(sample.reference if name == REFERENCE else sample.recorded.get(name))
        said = text_of(sample.recorded.get(human_key(name)))
        if answer is None:
            continue  # no answer is worth nothing, whoever looks at it
        if said is None or not said.strip():
            return None
        given.setdefault(answer, []).append(rating_of(said, place=sample.source or sample.key))
    ratings = {answer: sum(values) / len(values) for answer, values in given.items()}
    reference = text_of(sample.reference)
    if has_reference and judge.mode == "compare" and reference is not None:
        ratings[reference] = _TIE
    return ratings


def _judged(sample: Sample, judge: JudgeSpec, *, has_reference: bool) -> Sample:
    case = case_of(sample, Mode(judge.mode), has_reference=has_reference)
    wish = None if case is None else case.as_wish()
    if not judge.human:
        return replace(sample, target=wish, judge=None)
    ratings = ratings_of(sample, judge, has_reference=has_reference)
    return replace(sample, target=None if ratings is None else {"ratings": ratings}, judge=wish)


def _check(given: tuple[Sample, ...], samples: tuple[Sample, ...], judge: JudgeSpec, split: Split) -> None:
    if not any(sample.target is not None or sample.judge is not None for sample in samples):
        needs = "a truth" if judge.mode == "grade" else "the reference's answer, or a truth"
        raise DataError(
            f"mode {judge.mode} judges an answer beside {needs}; none of {len(given):,} {split.value} rows "
            "has it",
            hint="name the truth with 'target', or compare with a reference's answers: `mode: compare`",
        )
    if judge.human and all(sample.target is None for sample in samples):
        raise DataError(
            f"none of {len(given):,} {split.value} rows has people's labels of all answers, though "
            "'judge.human' names their fields",
            hint="have a random part of all rows labelled; without 'judge.human' the claim is the judge's",
        )


def _partly(
    given: tuple[Sample, ...], samples: tuple[Sample, ...], judge: JudgeSpec, split: Split
) -> tuple[str, ...]:
    """Returns a note on rows that people labelled in part: their labels are not used."""
    names = [human_key(name) for name in judge.human]
    partly = sum(
        after.target is None and any(before.recorded.get(name) is not None for name in names)
        for before, after in zip(given, samples, strict=True)
    )
    if not partly:
        return ()
    what = f"{partly:,} {split.value} rows have people's labels of some answers but not of all"
    return (f"{what}; they count as rows without labels",)
