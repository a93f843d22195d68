"""A model folder is checked before transformers or torch see it."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from suffice.errors import ArtefactError
from suffice.models.transformers import folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with a configuration and one tensor."""
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"]}))
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "model.safetensors")
    return tmp_path


def test_an_intact_folder_tells_architecture_and_tensors(model: Path):
    """The architecture comes from config.json, the tensors from the weights."""
    found = folder.check(model)
    assert ("LlamaForCausalLM", ["a"]) == (found.architecture, list(found.tensors))


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl"])
def test_pickled_weights_are_refused_by_name(model: Path, name):
    """Where only a pickle holds the weights, the error names it."""
    (model / "model.safetensors").rename(model / name)
    with pytest.raises(ArtefactError, match=f"{name} is a pickle file"):
        folder.check(model)


def test_code_of_its_own_is_refused(model: Path):
    """A configuration with auto_map would run Python from the folder."""
    (model / "config.json").write_text(
        json.dumps({"architectures": ["X"], "auto_map": {"AutoModel": "evil.Evil"}})
    )
    with pytest.raises(ArtefactError, match="auto_map"):
        folder.check(model)


def test_an_index_may_not_leave_the_folder(model: Path):
    """Shards are files of the folder, not paths."""
    (model / "model.safetensors").unlink()
    (model / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "../other.safetensors"}})
    )
    with pytest.raises(ArtefactError, match="no safetensors file of the folder"):
        folder.check(model)


@pytest.mark.parametrize(
    ("config", "why"),
    [("{", "no JSON"), ("[]", "no JSON object"), ("{}", "does not name its model class")],
)
def test_a_damaged_configuration_is_refused(model: Path, config, why):
    """What is not a configuration is an error that names the file."""
    (model / "config.json").write_text(config)
    with pytest.raises(ArtefactError, match=why):
        folder.check(model)


def test_a_folder_without_weights_is_refused(model: Path):
    """No weights at all is said as such."""
    (model / "model.safetensors").unlink()
    with pytest.raises(ArtefactError, match=r"holds no model\.safetensors"):
        folder.check(model)
