"""The BERT sentence encoder in torch, for training: the same computation as the graph that is served.

Parameters are a flat mapping under the checkpoint's names, but query, key and value of a layer are
one matrix, which is one product instead of three. torch is imported by the caller's extra.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suffice import extras
from suffice.adapt.encoder.bert_graph import shape_of

Parameters = dict[str, Any]

_EPSILON = 1e-12
_SHORT_TEXT_TOKENS = 64
_THIRDS = ("query", "key", "value")
_FROZEN = ("embeddings.position_embeddings", "embeddings.token_type_embeddings")


def require_torch() -> Any:
    """Returns torch.

    Raises:
        MissingExtra: torch is not installed.
    """
    return extras.require("torch", extra="train", feature="fine-tuning an encoder")


def to_parameters(tensors: Mapping[str, NDArray[np.float32]], *, device: str) -> Parameters:
    """Returns the encoder's tensors as torch parameters, without the pooler that sentence vectors skip."""
    torch = require_torch()
    joined = {name: value for name, value in tensors.items() if not name.startswith("pooler.")}
    for layer in range(shape_of(tensors).layers):
        prefix = f"encoder.layer.{layer}.attention.self"
        for kind in ("weight", "bias"):
            parts = [joined.pop(f"{prefix}.{third}.{kind}") for third in _THIRDS]
            joined[f"{prefix}.joined.{kind}"] = np.concatenate(parts)
    made = {name: torch.from_numpy(np.array(value)).to(device) for name, value in joined.items()}
    for name, value in made.items():
        value.requires_grad_(not name.startswith(_FROZEN))
    return made


def to_tensors(parameters: Parameters) -> dict[str, NDArray[np.float32]]:
    """Returns the parameters as arrays under the checkpoint's own names."""
    tensors: dict[str, NDArray[np.float32]] = {}
    for name, value in parameters.items():
        array = value.detach().float().cpu().numpy()
        if ".joined." not in name:
            tensors[name] = array.copy()
            continue
        for third, part in zip(_THIRDS, np.split(array, 3), strict=True):
            tensors[name.replace("joined", third)] = part.copy()
    return tensors


def encode(parameters: Parameters, ids: Any, *, heads: int, dropout: "Dropout | None" = None) -> Any:
    """Returns unit vectors (texts, width) for ids (texts, tokens) of one length."""
    functional = require_torch().nn.functional
    words = functional.embedding(ids, parameters["embeddings.word_embeddings.weight"])
    places = parameters["embeddings.position_embeddings.weight"][: ids.shape[1]]
    segment = parameters["embeddings.token_type_embeddings.weight"][0]
    hidden = _norm(functional, parameters, "embeddings.LayerNorm", words + places + segment)
    layer = 0
    while f"encoder.layer.{layer}.output.dense.weight" in parameters:
        hidden = _layer(functional, parameters, f"encoder.layer.{layer}", hidden, (heads, dropout))
        layer += 1
    return functional.normalize(hidden.float().mean(dim=1), dim=1)


class Dropout:
    """Zeroes a share of activations with masks cut at random places from one pool.

    Drawing a fresh random number for every activation takes an eighth of a training step on a CPU;
    a pool of 2^22 draws, made anew for each epoch, costs nothing and is as random to the model.
    """

    _POOL = 1 << 22

    def __init__(self, rate: float, *, seed: tuple[int, int], device: str) -> None:
        torch = require_torch()
        self._rng = np.random.default_rng(seed)
        kept = (self._rng.random(self._POOL, np.float32) >= rate).astype(np.float32) / (1.0 - rate)
        self._pool = torch.from_numpy(kept).to(device)

    def chosen(self, shape: tuple[int, ...], share: float) -> Any:
        """Returns a boolean tensor of the shape in which about the share of places is True."""
        drawn = self._rng.random(shape) < share
        return require_torch().from_numpy(drawn).to(self._pool.device)

    def __call__(self, values: Any) -> Any:
        """Returns the values with a share set to 0 and the rest scaled up to keep the mean."""
        size = values.numel()
        repeated = self._pool if size < self._POOL else self._pool.repeat(size // self._POOL + 2)
        start = int(self._rng.integers(repeated.numel() - size + 1))
        return values * repeated[start : start + size].view(values.shape).to(values.dtype)


def _layer(
    functional: Any, parameters: Parameters, prefix: str, hidden: Any, how: tuple[int, Dropout | None]
) -> Any:
    heads, dropout = how
    texts, tokens, width = hidden.shape
    joined = _linear(functional, parameters, f"{prefix}.attention.self.joined", hidden)
    query, key, value = joined.view(texts, tokens, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
    attended = _attend(functional, query, key, value).transpose(1, 2).reshape(texts, tokens, width)
    update = _linear(functional, parameters, f"{prefix}.attention.output.dense", attended)
    update = dropout(update) if dropout else update
    hidden = _norm(functional, parameters, f"{prefix}.attention.output.LayerNorm", hidden + update)
    inner = functional.gelu(_linear(functional, parameters, f"{prefix}.intermediate.dense", hidden))
    update = _linear(functional, parameters, f"{prefix}.output.dense", inner)
    update = dropout(update) if dropout else update
    return _norm(functional, parameters, f"{prefix}.output.LayerNorm", hidden + update)


def _attend(functional: Any, query: Any, key: Any, value: Any) -> Any:
    # The fused kernel pays off on long texts only: on a CPU its backward pass is slow for short ones.
    if query.shape[2] > _SHORT_TEXT_TOKENS:
        return functional.scaled_dot_product_attention(query, key, value)
    scores = query @ key.transpose(2, 3) * query.shape[3] ** -0.5
    return functional.softmax(scores.float(), dim=-1).to(value.dtype) @ value


def _linear(functional: Any, parameters: Parameters, name: str, values: Any) -> Any:
    return functional.linear(values, parameters[f"{name}.weight"], parameters[f"{name}.bias"])


def _norm(functional: Any, parameters: Parameters, name: str, values: Any) -> Any:
    weight, bias = parameters[f"{name}.weight"], parameters[f"{name}.bias"]
    return functional.layer_norm(values.float(), weight.shape, weight, bias, _EPSILON)
