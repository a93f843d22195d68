"""A judge's labels are read beside the truth, and never in its place."""

from pathlib import Path

import pytest

from suffice.errors import DataError, SpecError
from suffice.readers.load import load
from suffice.readers.same_input import SameInput
from suffice.readers.task_file import read_spec
from suffice.task import Sample, Split
from tests.unit.readers.writing import labelled, write_rows, write_task

JUDGE = "{answers: judge}"


def test_the_judges_label_is_kept_apart_from_the_truth(tmp_path: Path) -> None:
    """Rows without a truth have none, whatever the judge says of them."""
    rows = [
        {"text": row["text"], "judge": "class 1", **({"label": row["label"]} if at % 4 else {})}
        for at, row in enumerate(labelled(200))
    ]
    write_rows(tmp_path / "rows.jsonl", rows)
    loaded = load(write_task(tmp_path, judge=JUDGE))
    samples = [sample for split in Split for sample in loaded.splits.of(split)]
    assert {"class 1"} == {sample.judge for sample in samples}
    assert 50 == sum(sample.target is None for sample in samples)
    assert all(sample.target is not None for sample in loaded.training_rows().train)


def test_a_repeated_input_keeps_the_first_label_the_judge_gave() -> None:
    """A row that lacks it is filled in by another one."""
    same = SameInput.of(Sample(key="k", text="t"))
    for judge in ("a", "b"):
        same.add(Sample(key="k", text="t", judge=judge))
    assert "a" == same.sample().judge


def test_a_judges_field_that_is_not_there_is_named(tmp_path: Path) -> None:
    """As any other missing field, with the nearest one."""
    write_rows(tmp_path / "rows.jsonl", [{**row, "judges": "x"} for row in labelled(50)])
    with pytest.raises(DataError, match=r"no column 'judge' \(judge\)") as raised:
        load(write_task(tmp_path, judge=JUDGE))
    assert "did you mean 'judges'?" == raised.value.hint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"bars": "{quality: {metric: macro_f1, target: absolute, at_least: 0.9}}"},
            "metric macro_f1 cannot be tested with a judge's labels",
        ),
        (
            {"bars": "{quality: {target: agreement, at_most: 0.1}}", "reference": "{answers: gpt}"},
            "target agreement needs no truth, so there is nothing to judge",
        ),
        ({"judge": "{answers: label}"}, "judge.answers and target are both 'label'"),
        ({"judge": "{}"}, "a judge is one of 'answers' .* found none"),
        ({"judge": "{answers: judge, file: a.gguf}"}, "found 'answers' and 'file'"),
        (
            {"judge": "{name: big, verdicts: {small: verdict}}"},
            "'judge.verdicts' belongs to metric judge; metric accuracy takes 'judge.answers'",
        ),
        ({"judge": "{answers: judge, model: x}"}, "unknown key 'judge.model'"),
    ],
)
def test_a_judge_that_cannot_take_part_is_refused(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    """The task file says so before any row is read."""
    with pytest.raises(SpecError, match=message):
        read_spec(write_task(tmp_path, **{"judge": JUDGE, **changes}))


GRADED = "{quality: {metric: judge, target: absolute, at_least: 0.8}}"
LADDER = "[{kind: recorded, name: small, answers: small}]"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"judge": "null"}, "metric judge asks a model: add 'judge'"),
        ({"judge": JUDGE}, "metric judge asks a model: add 'judge'"),
        ({"judge": "{verdicts: {small: verdict}}"}, "'verdicts' need the 'name' of the model"),
        ({"judge": "{name: big, verdicts: {other: verdict}}"}, "'judge.verdicts' has no field for 'small'"),
        (
            {"judge": "{name: big, verdicts: {small: verdict, other: verdict}}"},
            "'judge.verdicts' names 'other'; it takes 'small'",
        ),
        (
            {"judge": "{name: big, mode: compare, verdicts: {small: verdict}}"},
            "mode compare takes 2 verdict fields a candidate .*; 'small' has 1",
        ),
        (
            {"judge": "{file: a.gguf, human: {small: ok}}", "reference": "{answers: large}"},
            "'judge.human' has no field for 'reference'",
        ),
        (
            {"judge": "{file: a.gguf, human: {small: ok}}", "ladder": "auto"},
            "'judge.human' is about recorded answers: list the candidates",
        ),
        (
            {
                "judge": "{file: a.gguf, human: {small: ok}}",
                "ladder": "[{kind: recorded, name: small, answers: small}, {kind: gguf, method: tiny}]",
            },
            "'gguf-tiny' answers anew",
        ),
        (
            {
                "judge": "{mode: compare, file: a.gguf, human: {small: ok}}",
                "reference": "{openai: {base_url: 'http://127.0.0.1:1/v1', model: x}}",
            },
            "the reference is asked live; record its answers",
        ),
        (
            {
                "judge": "{file: a.gguf}",
                "reference": "{answers: large}",
                "bars": "{quality: {metric: judge, target: agreement, at_most: 0.1}}",
            },
            "target agreement counts equal answers",
        ),
        ({"judge": "{file: a.gguf}", "test": "fixed_n"}, "a judge's labels go with the sequential test"),
    ],
)
def test_a_judging_model_that_cannot_judge_is_refused(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    """Before any row is read, and before anything is paid."""
    usual = {"kind": "generate", "bars": GRADED, "ladder": LADDER}
    with pytest.raises(SpecError, match=message):
        read_spec(write_task(tmp_path, **{**usual, **changes}))


def test_labels_and_verdicts_are_read_beside_the_answers(tmp_path: Path) -> None:
    """A sample keeps them under names of their own; they are no candidate's answers."""
    rows = [{**row, "small": "an answer", "ok": True, "first": "A", "second": "B"} for row in labelled(60)]
    write_rows(tmp_path / "rows.jsonl", rows)
    judge = "{name: big, mode: compare, verdicts: {small: [first, second]}, human: {small: ok}}"
    loaded = load(write_task(tmp_path, kind="generate", bars=GRADED, ladder=LADDER, judge=judge))
    sample = loaded.splits.of(Split.DEV)[0]
    assert {
        "small": "an answer",
        "judge.human:small": "true",
        "judge.verdicts:small:0": "A",
        "judge.verdicts:small:1": "B",
    } == dict(sample.recorded)
