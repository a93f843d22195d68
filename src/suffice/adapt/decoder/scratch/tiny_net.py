"""A decoder from scratch as the training loop sees it, and as a Hugging Face folder when it is done."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suffice import files
from suffice.adapt.bfloat16 import has_bfloat16
from suffice.adapt.decoder.scratch import copying_start, llama_torch
from suffice.adapt.decoder.scratch.llama_torch import Parameters
from suffice.adapt.decoder.scratch.shape import Shape
from suffice.adapt.decoder.scratch.tokenizer import LearntTokenizer

_VECTORS, _SPACE = "tokens", "space"


class TinyNet:
    """A Llama-shaped decoder whose tokens share vectors: " word" is "word" plus the space.

    In training the table of tokens is computed from fewer vectors (see `LearntTokenizer.base`), which
    is why a word once learnt inside a sentence can be written at the start of a value. The exported
    table is the computed one.
    """

    def __init__(self, shape: Shape, tokenizer: LearntTokenizer, *, seed: int) -> None:
        torch = llama_torch.require_torch()
        self.shape = shape
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.pad_id = tokenizer.pad_id
        self.end_id = tokenizer.end_id
        bases, places = np.unique(np.array(tokenizer.base), return_inverse=True)
        self._places = torch.from_numpy(places).to(self.device)
        self._has_space = torch.tensor(tokenizer.has_space, dtype=torch.float32, device=self.device)[:, None]
        draw = torch.Generator().manual_seed(seed)
        parameters = llama_torch.fresh(shape, seed=seed + 1, device=self.device)
        for name, rows in ((_VECTORS, len(bases)), (_SPACE, 1)):
            vectors = torch.randn((rows, shape.width), generator=draw) * copying_start.SPREAD
            parameters[name] = vectors.to(self.device).requires_grad_()
        copying_start.prepare_layers(parameters, shape)
        copying_start.prepare_vectors(parameters[_VECTORS], parameters[_SPACE])
        self.trained: Parameters = parameters
        self._computed = torch.bfloat16 if has_bfloat16(torch, self.device) else torch.float32

    def logits(self, parameters: Parameters, ids: Any, wanted: Any) -> Any:
        """Returns (n, vocabulary) logits of the n tokens that `wanted` marks; none may be a row's first."""
        torch = llama_torch.require_torch()
        functional = torch.nn.functional
        table = self._table(parameters).to(self._computed)
        layers = {name: value.to(self._computed) for name, value in parameters.items()}
        said = llama_torch.hidden(layers, functional.embedding(ids, table), self.shape)
        return functional.linear(said[:, :-1][wanted[:, 1:]], table)

    def save(self, parameters: Parameters, folder: Path, *, context: int) -> None:
        """Writes `config.json` and `model.safetensors`, as transformers reads them."""
        from safetensors.numpy import save  # noqa: PLC0415 - written only where training runs

        tensors = self.tensors(parameters)
        vocabulary = len(tensors["model.embed_tokens.weight"])
        shape = self.shape.config(
            vocabulary=vocabulary, context=context, end_id=self.end_id, pad_id=self.pad_id
        )
        config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "float32", **shape}
        files.write_json(folder / "config.json", config)
        files.write_bytes(folder / "model.safetensors", save(tensors, metadata={"format": "pt"}))

    def tensors(self, parameters: Parameters) -> dict[str, NDArray[np.float32]]:
        """Returns the parameters under the names of transformers' LlamaForCausalLM."""
        torch = llama_torch.require_torch()
        layers: Mapping[str, Any] = {
            name: value for name, value in parameters.items() if name not in {_VECTORS, _SPACE}
        }
        with torch.no_grad():
            table = self._table(parameters).float().cpu().numpy()
        tensors = llama_torch.to_tensors(layers, self.shape)
        return {"model.embed_tokens.weight": np.ascontiguousarray(table), **tensors}

    def _table(self, parameters: Parameters) -> Any:
        return parameters[_VECTORS][self._places] + self._has_space * parameters[_SPACE]
