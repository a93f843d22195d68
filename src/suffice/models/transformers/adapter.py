"""A LoRA adapter's folder, checked against the base it is put on."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice.errors import ArtefactError
from suffice.models.transformers import safetensors_header
from suffice.models.transformers.safetensors_header import TensorHeader

WEIGHTS = "adapter_model.safetensors"
_PICKLE = "adapter_model.bin"
_LORA = re.compile(r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<side>[AB])(?:\.default)?\.weight")


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """A checked adapter: its folder, its rank, and the modules of the base it changes."""

    path: Path
    rank: int
    modules: tuple[str, ...]


def check(path: Path, base: Mapping[str, TensorHeader]) -> Adapter:
    """Returns the adapter in a folder after comparing each of its matrices with the base's tensor.

    Raises:
        ArtefactError: no LoRA adapter, a pickled or damaged one, or one that was made for another base:
            names the first module that differs, with both widths.
    """
    rank = _rank(path)
    if not (path / WEIGHTS).is_file():
        if (path / _PICKLE).is_file():
            raise ArtefactError(
                f"{path / _PICKLE} is a pickle file: loading it can run any code, so suffice does not",
                hint=f"convert it to {WEIGHTS} where you trust its origin",
            )
        raise ArtefactError(f"{path} holds no {WEIGHTS}")
    modules: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, tensor in safetensors_header.read(path / WEIGHTS).items():
        found = _LORA.fullmatch(name)
        if found is None:
            raise ArtefactError(f"{path / WEIGHTS} holds {name!r}, which is no LoRA matrix")
        modules.setdefault(found["module"], {})[found["side"]] = tensor.shape
    for module, sides in modules.items():
        _check_module(path, module, sides, base)
    return Adapter(path=path, rank=rank, modules=tuple(sorted(modules)))


def _rank(path: Path) -> int:
    try:
        config: Any = json.loads((path / "adapter_config.json").read_text(encoding="utf-8"))
        kind, rank = config["peft_type"], config["r"]
    except OSError as error:
        raise ArtefactError(f"{path} holds no adapter_config.json: it is no adapter's folder") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{path / 'adapter_config.json'} is damaged: {error!r}") from error
    if kind != "LORA" or not isinstance(rank, int):
        raise ArtefactError(f"{path} holds an adapter of the type {kind!r}; LORA is known")
    return rank


def _check_module(
    path: Path, module: str, sides: Mapping[str, tuple[int, ...]], base: Mapping[str, TensorHeader]
) -> None:
    weight = base.get(f"{module}.weight")
    if weight is None:
        raise _foreign(path, f"it changes {module!r}, which the base does not have")
    if set(sides) != {"A", "B"} or any(len(shape) != 2 for shape in sides.values()):
        raise ArtefactError(f"{path / WEIGHTS} lacks a matrix of {module!r}")
    (rank, inputs), (outputs, rank_too) = sides["A"], sides["B"]
    # GPT-2 keeps its matrices the other way round.
    if rank != rank_too or weight.shape not in {(outputs, inputs), (inputs, outputs)}:
        there = " x ".join(f"{size:,}" for size in weight.shape)
        raise _foreign(path, f"{module!r} has {outputs:,} x {inputs:,} weights there and {there} in the base")


def _foreign(path: Path, why: str) -> ArtefactError:
    return ArtefactError(
        f"the adapter {path} was made for another base: {why}",
        hint="give the base named in its adapter_config.json",
    )
