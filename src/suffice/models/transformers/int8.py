"""A Hugging Face folder whose layers are in 8-bit integers: written, checked against its shape, loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from suffice import extras, files
from suffice.errors import ArtefactError
from suffice.models.transformers.folder import WEIGHTS, DecoderFolder

# What config.json calls this way of writing weights.
SCHEME = "suffice-int8-dynamic"
_FEATURE = "running a decoder in 8-bit integers"
_DTYPES = {"torch.int8": "I8", "torch.float32": "F32"}


def is_int8(checked: DecoderFolder) -> bool:
    """Says whether a folder's layers are in the integers of this scheme."""
    about = checked.config.get("quantization_config")
    return isinstance(about, dict) and about.get("quant_method") == SCHEME


def save(model: Any, folder: Path) -> dict[str, Any]:
    """Returns what was written into `folder`: the model with its layers turned into integers.

    The model itself is changed. `bits_per_weight` counts scales and what stayed in floats; `kept` names
    the tensors of two dimensions or more that did.

    Raises:
        OutputError: the place cannot be written to.
    """
    layers, _, tensors = _parts()
    layers.replace(model)
    weights = _own(model, layers)
    config = {name: value for name, value in model.config.to_dict().items() if not name.startswith("_")}
    config |= {
        "architectures": [type(model).__name__],
        "dtype": "float32",
        "quantization_config": {"quant_method": SCHEME},
    }
    files.write_text(folder / "config.json", json.dumps(config, indent=1, sort_keys=True))
    plain = {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}
    plain = {name: value.contiguous() for name, value in plain.items()}
    files.write_bytes(folder / WEIGHTS, tensors.save(plain, metadata={"format": "pt"}))
    counted = [value for name, value in plain.items() if not name.endswith(".scales")]
    kept = [name for name, value in plain.items() if value.ndim > 1 and value.is_floating_point()]
    return {
        "bits_per_weight": 8
        * sum(value.nbytes for value in plain.values())
        / sum(value.numel() for value in counted),
        "kept": sorted(name for name in kept if not name.endswith(".scales")),
    }


def loaded(checked: DecoderFolder, adapter: Path | None) -> Any:
    """Returns the model of a checked folder.

    Raises:
        ArtefactError: its tensors are not those of its configuration or no finite numbers, or an adapter is
            to be merged.
        MissingExtra: the packages of the extra `train` are missing.
    """
    if adapter is not None:
        raise ArtefactError(
            f"{checked.path} is in 8-bit integers: the adapter {adapter} cannot be merged into it",
            hint="merge it into the float weights, and make the integers of those",
        )
    layers, transformers, tensors = _parts()
    accelerate = extras.require("accelerate", extra="train", feature=_FEATURE)
    try:
        config = transformers.AutoConfig.from_pretrained(
            checked.path, local_files_only=True, trust_remote_code=False
        )
        # Without values: the float weights would take four times the memory for nothing.
        with accelerate.init_empty_weights(include_buffers=False):
            model = transformers.AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    except (ValueError, KeyError, TypeError, RuntimeError, OSError) as error:
        raise ArtefactError(f"{checked.path} cannot be loaded: {error}") from error
    layers.replace(model)
    _compare(checked, _own(model, layers))
    found = tensors.load_file(checked.path / WEIGHTS)
    for name, value in found.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise ArtefactError(f"{checked.path / WEIGHTS}: {name} holds a value that is no finite number")
    model.load_state_dict(found, strict=False, assign=True)
    if layers.shared_output(model) is not None:
        layers.share(model)
    return model.eval()


def _own(model: Any, layers: Any) -> dict[str, Any]:
    """Returns the tensors that a file holds: what the output shares with the table is there once."""
    twice = layers.shared_output(model)
    return {
        name: value
        for name, value in model.state_dict().items()
        if twice is None or not name.startswith(f"{twice}.")
    }


def _compare(checked: DecoderFolder, wanted: dict[str, Any]) -> None:
    for name in sorted({*checked.tensors, *wanted}):
        found, own = checked.tensors.get(name), wanted.get(name)
        there = None if found is None else (found.dtype, found.shape)
        here = None if own is None else (_DTYPES.get(str(own.dtype)), tuple(own.shape))
        if there != here:
            raise ArtefactError(
                f"{checked.path / WEIGHTS} does not fit its configuration: {name} is {_said(there)} there and"
                f" should be {_said(here)}"
            )


def _said(tensor: Any) -> str:
    return "absent" if tensor is None else f"{tensor[0]} {' x '.join(map(str, tensor[1])) or 'number'}"


def _parts() -> tuple[Any, Any, Any]:
    """Returns the layers, transformers, and safetensors for torch.

    Raises:
        MissingExtra: they are not installed.
    """
    extras.require("torch", extra="train", feature=_FEATURE)
    transformers = extras.require("transformers", extra="train", feature=_FEATURE)
    from safetensors import torch as tensors  # noqa: PLC0415 - with torch

    from suffice.models.transformers import int8_layers  # noqa: PLC0415 - with torch

    return int8_layers, transformers, tensors
