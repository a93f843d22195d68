"""How much each input column of each matrix matters: the importance matrix that quantising may be led by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suffice import extras
from suffice.adapt.decoder.gguf_files import export
from suffice.errors import DataError
from suffice.models.transformers import folder as decoder_folder
from suffice.models.transformers.engine import quiet

_FEATURE = "measuring an importance matrix"
_LEAST_TOKENS = 512


def measure(hf_folder: Path, texts: Sequence[str], *, context: int = 512) -> dict[str, NDArray[np.float32]]:
    """Returns the mean square of each input column, by the name of the matrix in the GGUF file.

    The texts should be like those the model will read; each is read up to `context` tokens. The error a
    rounded weight makes in a matrix's output is proportional to its input's square: the weights of
    llama.cpp's own importance matrix. Experts that are stored as one tensor are left out.

    Raises:
        DataError: the texts have fewer than 512 tokens: too few to tell columns apart.
        ArtefactError: the folder cannot be used.
        MissingExtra: the packages of the extra `train` are missing.
    """
    torch = extras.require("torch", extra="train", feature=_FEATURE)
    transformers = extras.require("transformers", extra="train", feature=_FEATURE)
    checked = decoder_folder.check(hf_folder)
    with quiet(transformers):
        tokenizer = transformers.AutoTokenizer.from_pretrained(hf_folder, trust_remote_code=False)
        model = transformers.AutoModelForCausalLM.from_pretrained(
            hf_folder, dtype=torch.float32, trust_remote_code=False, use_safetensors=True
        ).eval()
    batches = [tokenizer(text).input_ids[:context] for text in texts]
    read = sum(map(len, batches))
    if read < _LEAST_TOKENS:
        raise DataError(
            f"an importance matrix needs at least {_LEAST_TOKENS} tokens of text; there are {read}",
            hint="give more texts of the kind the model will read",
        )
    squares: dict[str, Any] = {}
    names = export.tensor_names(checked, model.config.num_hidden_layers)
    for name, module in model.named_modules():
        found = names(name)
        if found is not None and getattr(module, "weight", None) is not None and module.weight.dim() == 2:
            module.register_forward_pre_hook(_adder(squares, f"{found}.weight"))
    with torch.inference_mode():
        for batch in batches:
            model(torch.tensor([batch]))
    return {name: (total / read).float().numpy() for name, total in squares.items()}


def _adder(squares: dict[str, Any], name: str) -> Callable[[Any, tuple[Any, ...]], None]:
    """Returns a hook that adds the squares of a module's inputs, summed over the tokens."""

    def add(_: Any, inputs: tuple[Any, ...]) -> None:
        values = inputs[0]
        if values.is_floating_point():  # a table of tokens is asked by number
            total = values.double().square().reshape(-1, values.shape[-1]).sum(0)
            squares[name] = squares.get(name, 0.0) + total

    return add
