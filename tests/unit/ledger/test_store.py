"""A run's store."""

import os
import signal
import subprocess
import sys

import pytest

from suffice.errors import OutputError
from suffice.ledger.store import RunStore
from suffice.ports import Answer, Usage


@pytest.fixture(name="store")
def _store(tmp_path):
    store = RunStore(tmp_path / "work")
    yield store
    store.close()


def test_artefact_is_found_until_a_byte_changes(store):
    """A kept folder is returned while its bytes match, and not after."""
    folder = store.workplace("abc")
    (folder / "weights").write_bytes(b"123")
    place = store.keep_artefact("abc", folder)
    assert place == store.artefact("abc")
    (place / "weights").write_bytes(b"124")
    assert store.artefact("abc") is None


def test_unfinished_work_is_cleared(store):
    """What a killed run had begun does not leak into the next."""
    (store.workplace("abc") / "half").write_bytes(b"1")
    assert [] == list(store.workplace("abc").iterdir())


def test_answers_come_back_equal(store):
    """An answer is remembered with everything that belongs to it."""
    answer = Answer(
        text="ja \ud83d", confidence=0.25, novelty=None, usage=Usage(input_tokens=3),
        latency_ms=1.5, tier="t", notes=("read 3 of 9 tokens",),
    )  # fmt: skip
    store.keep_answers("model", {"k": answer, "none": Answer(text=None, error="refused")})
    found = store.answers("model", ["k", "none", "absent"])
    assert {"k": answer, "none": Answer(text=None, error="refused")} == found


def test_many_keys_are_found(store):
    """More keys than fit one statement are looked up all the same."""
    keys = [str(i) for i in range(1203)]
    store.keep_answers("m", {key: Answer(text=key) for key in keys})
    assert set(keys) == set(store.answers("m", keys))


def test_file_where_the_store_should_be_is_an_error(tmp_path):
    """An unusable place is named."""
    (tmp_path / "work").write_text("a file")
    with pytest.raises(OutputError, match="work"):
        RunStore(tmp_path / "work")


@pytest.mark.slow
def test_what_was_recorded_survives_a_kill(tmp_path):
    """A process killed right after recording leaves a readable store with the record in it."""
    code = (
        "import os, signal, sys; from pathlib import Path; from suffice.ledger.store import RunStore\n"
        "from suffice.ports import Answer\n"
        "store = RunStore(Path(sys.argv[1])); store.keep_answers('m', {'k': Answer(text='yes')})\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, env=dict(os.environ))
    assert -signal.SIGKILL == done.returncode
    assert {"k": Answer(text="yes")} == RunStore(tmp_path).answers("m", ["k"])
