"""Lines on their way to an output: a stop loses none, and the name stands for the whole."""

import json
import os
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from suffice.errors import OutputError
from suffice.pipeline.unfinished import unfinished
from suffice.ports import Answer


class Stop(Exception):  # noqa: N818 - what ends a call in these tests
    """Stands for whatever stops a call."""


def write(out: Path, *numbers: int, made_from: str = "x") -> list[int]:
    """Writes a line for each number and returns the numbers that an earlier call had written."""
    before: list[Mapping[str, Any]] = []
    with unfinished(out, made_from=made_from, heard=before.append) as output:
        output.write(json.dumps({"n": number}) + "\n" for number in numbers)
    return [row["n"] for row in before]


def stop(out: Path, *numbers: int, paid: str = "", shows: bool = False) -> None:
    """Writes a line for each number, keeps an answer that was paid for, and stops."""

    def stopped() -> None:
        with unfinished(out, made_from="x", heard=lambda _: None) as output:
            output.write(json.dumps({"n": number}) + "\n" for number in numbers)
            if paid:
                output.store.keep_answers("paid", {"key": Answer(text=paid)})
            if shows:
                output.show()
            raise Stop

    with pytest.raises(Stop):
        stopped()


def numbers_in(out: Path) -> list[int]:
    """Returns the numbers of a file's lines."""
    return [json.loads(line)["n"] for line in out.read_text().splitlines()]


def test_the_name_appears_when_all_is_written(tmp_path: Path) -> None:
    """While lines are added the output is as it was; then it is the lines, and nothing is left beside it."""
    out = tmp_path / "new" / "out.jsonl"
    with unfinished(out, made_from="x", heard=lambda _: None) as output:
        output.write(['{"n": 1}\n'])
        assert not out.exists()
    assert [1] == numbers_in(out)
    assert [out] == list(out.parent.iterdir())


def test_a_stopped_call_is_gone_on_with(tmp_path: Path) -> None:
    """Each call hears what those before it wrote, and adds its own."""
    out = tmp_path / "out.jsonl"
    stop(out, 1, 2)
    stop(out, 3)
    assert not out.exists()
    assert [1, 2, 3] == write(out, 4)
    assert [1, 2, 3, 4] == numbers_in(out)
    assert [] == write(out, 5)
    assert [5] == numbers_in(out)


@pytest.mark.parametrize("torn", [b'{"n": 9', b'{"n": 9}', b"\0\0\0\0\n", b'{"n": \xff}\n{"n": 9}\n'])
def test_what_a_kill_left_of_a_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    """A half line, or one that a power cut blanked, ends what is gone on with."""
    out = tmp_path / "out.jsonl"
    stop(out, 1, 2)
    with (tmp_path / ".out.jsonl.unfinished" / "rows.jsonl").open("ab") as file:
        file.write(torn)
    assert [1, 2] == write(out, 3)
    assert [1, 2, 3] == numbers_in(out)


def test_lines_made_from_something_else_are_not_mixed_in(tmp_path: Path) -> None:
    """With another input or bundle the lines begin anew; answers that were paid for are kept."""
    out = tmp_path / "out.jsonl"
    stop(out, 1, paid="dear")
    with unfinished(out, made_from="y", heard=lambda _: pytest.fail("an old line")) as output:
        assert {"key": "dear"} == {k: a.text for k, a in output.store.answers("paid", ["key"]).items()}
        output.write(['{"n": 2}\n'])
    assert [2] == numbers_in(out)


def test_a_call_that_did_nothing_leaves_nothing(tmp_path: Path) -> None:
    """No line and no answer kept: no hidden folder stays, unless there is something worth keeping."""
    out = tmp_path / "out.jsonl"
    stop(out)
    assert [] == list(tmp_path.iterdir())
    stop(out, paid="dear")
    stop(out)
    with unfinished(out, made_from="x", heard=lambda _: None) as output:
        assert ["key"] == list(output.store.answers("paid", ["key"]))


def test_lines_so_far_can_be_shown(tmp_path: Path) -> None:
    """Shown lines stand under the output's name, and are gone on with all the same."""
    out = tmp_path / "out.jsonl"
    stop(out, 1, shows=True)
    assert [1] == numbers_in(out)
    assert [1] == write(out, 2)
    assert [1, 2] == numbers_in(out)


def test_two_calls_for_one_output_are_refused(tmp_path: Path) -> None:
    """The second one hears that another is at work, and the first one's lines stay."""
    out = tmp_path / "out.jsonl"
    with unfinished(out, made_from="x", heard=lambda _: None) as output:
        output.write(['{"n": 1}\n'])
        with pytest.raises(OutputError, match="another run is at work"):
            write(out, 2)
    assert [1] == numbers_in(out)


def test_a_full_disk_is_named_and_loses_no_line(tmp_path: Path) -> None:
    """The place is named; where there is room again, the call goes on after the last whole line."""
    out = tmp_path / "out.jsonl"
    stop(out, 1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"cannot write .*out\.jsonl"):
            write(out, *range(2, 100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    heard = write(out)
    assert list(range(1, len(heard) + 1)) == heard == numbers_in(out)
    assert len(heard) > 1_000


def test_a_device_is_written_to_directly(tmp_path: Path) -> None:
    """A pipe gets the lines as they come; nothing is made beside it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with unfinished(pipe, made_from="x", heard=lambda _: None) as output:
            output.write(['{"n": 1}\n'])
            assert b'{"n": 1}\n' == os.read(reader, 100)
            output.show()
    finally:
        os.close(reader)
    assert [pipe] == list(tmp_path.iterdir())
