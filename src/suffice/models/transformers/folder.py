"""A decoder as Hugging Face writes it: config.json, tokenizer files and safetensors, checked before use."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice.errors import ArtefactError
from suffice.models.transformers import safetensors_header
from suffice.models.transformers.safetensors_header import TensorHeader

WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")


@dataclass(frozen=True, kw_only=True)
class DecoderFolder:
    """A checked folder: its configuration, and the headers of its tensors by name."""

    path: Path
    config: Mapping[str, Any]
    tensors: Mapping[str, TensorHeader]

    @property
    def architecture(self) -> str:
        """Returns the name of the model class, e.g. LlamaForCausalLM."""
        return str(self.config["architectures"][0])


def check(path: Path) -> DecoderFolder:
    """Returns a folder that may be loaded: nothing in it is code, every tensor lies within its file.

    Raises:
        ArtefactError: no config.json, one that asks for code of its own, weights that are pickled,
            absent, or do not fit their files.
    """
    config = _json_object(path / "config.json")
    if "auto_map" in config:
        raise ArtefactError(
            f"{path / 'config.json'} asks for code of its own (auto_map), which suffice does not run",
            hint="choose a model whose architecture transformers has built in",
        )
    architectures = config.get("architectures")
    if not (isinstance(architectures, list) and architectures and isinstance(architectures[0], str)):
        raise ArtefactError(f"{path / 'config.json'} does not name its model class under 'architectures'")
    tensors: dict[str, TensorHeader] = {}
    for file in _weight_files(path):
        tensors |= safetensors_header.read(file)
    return DecoderFolder(path=path, config=config, tensors=tensors)


def _weight_files(path: Path) -> list[Path]:
    if (path / WEIGHTS).is_file():
        return [path / WEIGHTS]
    if (path / _INDEX).is_file():
        names = sorted(set(map(str, _json_object(path / _INDEX).get("weight_map", {}).values())))
        for name in names:
            if name != Path(name).name or not name.endswith(".safetensors"):
                raise ArtefactError(
                    f"{path / _INDEX} names {name!r}, which is no safetensors file of the folder"
                )
        return [path / name for name in names]
    pickles = sorted(file.name for file in path.iterdir() if file.suffix in _PICKLES)
    if pickles:
        raise ArtefactError(
            f"{path / pickles[0]} is a pickle file: loading it can run any code, so suffice does not",
            hint=f"convert it to {WEIGHTS} where you trust its origin",
        )
    raise ArtefactError(f"{path} holds no {WEIGHTS}", hint="give the folder that save_pretrained wrote")


def _json_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtefactError(
            f"cannot read {path}: {error.strerror or error}",
            hint="give the folder that save_pretrained wrote",
        ) from error
    except (ValueError, RecursionError) as error:
        raise ArtefactError(f"{path} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise ArtefactError(f"{path} holds no JSON object")
    return value
