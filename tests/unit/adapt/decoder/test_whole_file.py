"""A file is under its name only when it is whole, also where the disk is full."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from suffice import files
from suffice.adapt.decoder.gguf_files import export
from suffice.adapt.decoder.gguf_files.quantise import quantise
from suffice.errors import OutputError
from tests.unit import tiny_decoder


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may grow over 20,000 bytes: writing more fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_stop_leaves_the_old_file(tmp_path: Path):
    """An error in the middle keeps what was there, and leaves nothing beside it."""
    path = tmp_path / "model.gguf"
    path.write_text("old")

    def stopped() -> None:
        with files.whole_file(path) as beside:
            beside.write_text("half of the ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert ("old", [path]) == (path.read_text(), list(tmp_path.iterdir()))


def test_what_is_whole_replaces_the_old_file(tmp_path: Path):
    """The new file is under the name, and can be read by others."""
    path = tmp_path / "new folder" / "model.gguf"
    with files.whole_file(path) as beside:
        beside.write_text("new")
    assert ("new", 0o644) == (path.read_text(), path.stat().st_mode & 0o777)


@pytest.mark.train
@pytest.mark.slow
def test_a_full_disk_is_an_error_that_leaves_nothing(tmp_path: Path, request):
    """Export and quantising say that the place cannot be written to; no file, whole or half, is left."""
    folder = tiny_decoder.write(tmp_path / "decoder")
    export.write_gguf(folder, tmp_path / "whole.gguf")
    (tmp_path / "out").mkdir()
    request.getfixturevalue("small_disk")
    with pytest.raises(OutputError, match="cannot write"):
        export.write_gguf(folder, tmp_path / "out" / "a.gguf")
    with pytest.raises(OutputError, match="cannot write"):
        quantise(tmp_path / "whole.gguf", tmp_path / "out" / "b.gguf", type="Q8_0")
    assert [] == list((tmp_path / "out").iterdir())
