"""Which tasks may ask for one exact test at a fixed number of rows."""

from pathlib import Path

import pytest

from suffice.errors import SpecError
from suffice.readers.task_file import read_spec
from tests.unit.readers.writing import write_task

LIVE = "{kind: openai, base_url: 'http://127.0.0.1:1/v1', model: m}"


def test_the_switch_is_part_of_the_bar(tmp_path: Path) -> None:
    """Bets where nothing is said; the exact test where it is asked for."""
    assert not read_spec(write_task(tmp_path)).quality_bar.fixed_n
    assert read_spec(write_task(tmp_path, test="fixed_n")).quality_bar.fixed_n


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ladder": f"[{LIVE}]"}, "every call would be paid for"),
        ({"reference": f"{{openai: {LIVE.replace('kind: openai, ', '')}}}"}, "every call would be paid for"),
        ({"judge": "{answers: judge}"}, "a judge's labels go with the sequential test"),
        (
            {"bars": "{quality: {metric: macro_f1, target: absolute, at_least: 0.9}}"},
            "metric macro_f1 is tested once in any case",
        ),
        (
            {
                "kind": "generate",
                "bars": "{quality: {metric: rouge_l, target: absolute, at_least: 0.9}}",
            },
            "metric rouge_l has shades between",
        ),
    ],
)
def test_what_does_not_go_with_it_is_refused(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    """Each with its reason, before any row is read."""
    with pytest.raises(SpecError, match=message):
        read_spec(write_task(tmp_path, **{"test": "fixed_n", **changes}))
