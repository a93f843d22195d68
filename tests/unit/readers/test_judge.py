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
        ({"judge": "{}"}, "the key 'judge.answers' is missing"),
        ({"judge": "{answers: judge, model: x}"}, "unknown key 'judge.model'"),
    ],
)
def test_a_judge_that_cannot_take_part_is_refused(
    tmp_path: Path, changes: dict[str, str], message: str
) -> None:
    """The task file says so before any row is read."""
    with pytest.raises(SpecError, match=message):
        read_spec(write_task(tmp_path, **{"judge": JUDGE, **changes}))
