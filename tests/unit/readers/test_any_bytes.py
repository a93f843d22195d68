"""Whatever the bytes, a user sees an error of suffice or samples: never a traceback."""

import contextlib
import gzip
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suffice.errors import DataError, SpecError, SufficeError
from suffice.readers.load import read_inputs
from suffice.readers.spec import Spec
from suffice.readers.task_file import read_spec
from tests.unit.readers.writing import TASK, labelled, write_task

NAMES = [
    *("text", "messages", "role", "content", "request", "response", "body", "custom_id", "input", "output"),
    *("choices", "message", "teacher", "ideal", "error", "system", "instructions", "model", "status_code"),
    "tool_calls",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)
QUIET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    """Returns a task whose input is told by the format."""
    return read_spec(write_task(tmp_path, input="", target=""))


def read_all(path: Path, spec: Spec) -> None:
    """Reads a file; errors of suffice are what users may see."""
    with contextlib.suppress(SufficeError):
        for sample in read_inputs(path, spec):
            assert sample.text.strip()
            assert 64 == len(sample.key)


@QUIET
@given(records=st.lists(JSON, min_size=1, max_size=4), as_array=st.booleans())
def test_any_json_is_read_or_refused(
    tmp_path: Path, spec: Spec, *, records: list[object], as_array: bool
) -> None:
    """Records of any shape, with the names that chat formats use."""
    text = json.dumps(records) if as_array else "\n".join(map(json.dumps, records))
    (tmp_path / "any").write_text(text)
    read_all(tmp_path / "any", spec)


@QUIET
@given(data=st.binary(max_size=200), packed=st.booleans())
def test_any_bytes_are_read_or_refused(tmp_path: Path, spec: Spec, *, data: bytes, packed: bool) -> None:
    """Noise, packed or not."""
    (tmp_path / "any").write_bytes(gzip.compress(data) if packed else data)
    read_all(tmp_path / "any", spec)


@QUIET
@given(place=st.integers(0, 10_000), noise=st.binary(min_size=1, max_size=4))
def test_a_file_with_a_few_wrong_bytes_is_read_or_refused(
    tmp_path: Path, spec: Spec, *, place: int, noise: bytes
) -> None:
    """A good file, packed, in which some bytes were overwritten."""
    good = gzip.compress("\n".join(map(json.dumps, labelled(20))).encode(), mtime=0)
    start = place % len(good)
    (tmp_path / "any").write_bytes(good[:start] + noise + good[start + len(noise) :])
    read_all(tmp_path / "any", spec)


@QUIET
@given(place=st.integers(0, 10_000), noise=st.text(max_size=6), cut=st.integers(0, 20))
def test_a_task_file_with_a_few_wrong_signs_is_read_or_refused(
    tmp_path: Path, *, place: int, noise: str, cut: int
) -> None:
    """A good task file in which some characters were replaced."""
    start = place % len(TASK)
    text = TASK[:start] + noise + TASK[start + cut :]
    (tmp_path / "task.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(SpecError):
        read_spec(tmp_path / "task.yaml")


def test_a_flood_of_brackets_is_refused(tmp_path: Path, spec: Spec) -> None:
    """Nesting beyond the parser's depth is an error that names the line."""
    for start in ('{"text": ', "[" * 3):
        (tmp_path / "any").write_text(start + "[" * 200_000)
        with pytest.raises(DataError):
            list(read_inputs(tmp_path / "any", spec))
