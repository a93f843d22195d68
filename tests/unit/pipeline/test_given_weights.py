"""Weights are found beside the task file, and a candidate is another one when they are."""

import pytest

from suffice.candidate import Candidate
from suffice.errors import ArtefactError, SpecError
from suffice.pipeline.rungs.given_weights import pinned
from tests.unit.models.gguf import tiny_gguf


def asked(**settings):
    """Returns a candidate with some settings."""
    return Candidate(name="asked", kind="gguf", method="prompt", settings=tuple(sorted(settings.items())))


def test_other_bytes_make_another_candidate(tmp_path):
    """The same place with the same bytes is the same candidate; with others it is not."""
    (tmp_path / "models").mkdir()
    file = tiny_gguf.write_byte_bpe(tmp_path / "models" / "a.gguf")
    first = pinned(asked(file="models/a.gguf", shots=2), tmp_path)
    assert str(file) == first.setting("file", "")
    assert 2 == first.setting("shots", 0)
    assert first.fingerprint == pinned(asked(file="models/a.gguf", shots=2), tmp_path).fingerprint
    tiny_gguf.write_byte_bpe(file, seed=1)
    assert first.fingerprint != pinned(asked(file="models/a.gguf", shots=2), tmp_path).fingerprint


def test_a_folder_is_known_by_all_its_files(tmp_path):
    """One changed file makes another base; a name that is no folder here may be one on a hub."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text("{}")
    first = pinned(asked(base="base"), tmp_path)
    (tmp_path / "base" / "config.json").write_text("{ }")
    assert first.fingerprint != pinned(asked(base="base"), tmp_path).fingerprint
    assert asked(base="owner/name") == pinned(asked(base="owner/name"), tmp_path)


def test_what_points_to_no_weights_stays_as_it_is(tmp_path):
    """Other kinds may call other things by these names."""
    other = Candidate(name="r", kind="recorded", settings=(("file", "x"),))
    assert other == pinned(other, tmp_path)
    assert asked(shots=1) == pinned(asked(shots=1), tmp_path)


def test_a_file_that_cannot_be_used_is_refused_at_once(tmp_path):
    """None there, or no GGUF."""
    with pytest.raises(SpecError, match="is no file"):
        pinned(asked(file="a.gguf"), tmp_path)
    (tmp_path / "a.gguf").write_bytes(b"x" * 100)
    with pytest.raises(ArtefactError, match="no GGUF file"):
        pinned(asked(file="a.gguf"), tmp_path)
