"""The Llama decoder in torch, for training small ones fast on a CPU: transformers' computation, fewer passes.

Parameters are a flat mapping under the checkpoint's names, but matrices that read the same input
(query, key and value; gate and up) are one, which is one product instead of three or two. Attention over
texts of some tens of tokens is cheaper as plain products than in the fused form, whose backward pass
took a third of the time. torch is imported by the caller's extra.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suffice import extras
from suffice.adapt.decoder.scratch.shape import HEAD_WIDTH, Shape

Parameters = dict[str, Any]

_EPSILON = 1e-5
ROPE_BASE = 10_000.0
_JOINED = {
    "self_attn.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "mlp.gate_up": ("mlp.gate_proj", "mlp.up_proj"),
}


def require_torch() -> Any:
    """Returns torch.

    Raises:
        MissingExtra: torch is not installed.
    """
    return extras.require("torch", extra="train", feature="training a decoder")


def fresh(shape: Shape, *, seed: int, device: str) -> Parameters:
    """Returns the layers' parameters, drawn by the seed; the table of tokens is not among them.

    Normal, of deviation 1 / sqrt(input width); what is added to the residual stream is divided by
    sqrt(2 * depth) (Radford et al. 2019, section 2.3) and by 10, so that at the start it does not drown
    the tokens' own vectors, whose deviation is 0.05.
    """
    torch = require_torch()
    draw = torch.Generator().manual_seed(seed)
    width, keys = shape.width, shape.key_heads * HEAD_WIDTH
    residual = 0.1 / math.sqrt(2 * shape.depth)
    made: Parameters = {}
    for layer in range(shape.depth):
        sizes = {
            "self_attn.qkv": (width + 2 * keys, width, 1.0),
            "self_attn.o_proj": (width, width, residual),
            "mlp.gate_up": (2 * shape.inner_width, width, 1.0),
            "mlp.down_proj": (width, shape.inner_width, residual),
        }
        for name, (rows, columns, scale) in sizes.items():
            drawn = torch.randn((rows, columns), generator=draw) * (scale / math.sqrt(columns))
            made[f"layers.{layer}.{name}.weight"] = drawn
        for name in ("input_layernorm", "post_attention_layernorm"):
            made[f"layers.{layer}.{name}.weight"] = torch.ones(width)
    made["norm.weight"] = torch.ones(width)
    return {name: value.to(device).requires_grad_() for name, value in made.items()}


def hidden(parameters: Mapping[str, Any], vectors: Any, shape: Shape) -> Any:
    """Returns what the last layer says after each token: (B, T, width), from the tokens' vectors, same shape.

    Texts begin at position 0 and may be filled up at their end: no token sees a later one.
    """
    torch = require_torch()
    functional = torch.nn.functional
    batch, tokens, width = vectors.shape
    cosine, sine = _rotation(torch, tokens, like=vectors)
    later = torch.full((tokens, tokens), -math.inf, dtype=vectors.dtype, device=vectors.device).triu(1)
    groups = shape.heads // shape.key_heads
    x = vectors
    for layer in range(shape.depth):
        part = f"layers.{layer}."
        read = functional.rms_norm(x, (width,), parameters[f"{part}input_layernorm.weight"], _EPSILON)
        joined = functional.linear(read, parameters[f"{part}self_attn.qkv.weight"])
        joined = joined.view(batch, tokens, -1, HEAD_WIDTH).transpose(1, 2)
        turned, value = joined.split((shape.heads + shape.key_heads, shape.key_heads), dim=1)
        turned = turned * cosine + turned.roll(HEAD_WIDTH // 2, dims=-1) * sine
        query, key = turned.split((shape.heads, shape.key_heads), dim=1)
        if groups > 1:
            key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
        scores = query @ key.transpose(2, 3) * HEAD_WIDTH**-0.5 + later
        mixed = (scores.softmax(dim=-1) @ value).transpose(1, 2).reshape(batch, tokens, width)
        x = x + functional.linear(mixed, parameters[f"{part}self_attn.o_proj.weight"])
        read = functional.rms_norm(
            x, (width,), parameters[f"{part}post_attention_layernorm.weight"], _EPSILON
        )
        gate, up = functional.linear(read, parameters[f"{part}mlp.gate_up.weight"]).chunk(2, dim=-1)
        x = x + functional.linear(functional.silu(gate) * up, parameters[f"{part}mlp.down_proj.weight"])
    return functional.rms_norm(x, (width,), parameters["norm.weight"], _EPSILON)


def to_tensors(parameters: Mapping[str, Any], shape: Shape) -> dict[str, NDArray[np.float32]]:
    """Returns the layers' parameters as arrays under the names of transformers' LlamaForCausalLM."""
    tensors: dict[str, NDArray[np.float32]] = {}
    keys = shape.key_heads * HEAD_WIDTH
    cuts = {"self_attn.qkv": (shape.width, shape.width + keys), "mlp.gate_up": (shape.inner_width,)}
    for name, value in parameters.items():
        array = value.detach().float().cpu().numpy()
        kind = name.split(".", 2)[-1].removesuffix(".weight")
        if kind not in _JOINED:
            tensors[f"model.{name}"] = array.copy()
            continue
        for one, part in zip(_JOINED[kind], np.split(array, cuts[kind]), strict=True):
            tensors[f"model.{name.replace(kind, one)}"] = part.copy()
    return tensors


def _rotation(torch: Any, tokens: int, *, like: Any) -> tuple[Any, Any]:
    """Returns cosines and signed sines (T, head width) of the rotary positions (Su et al. 2021, eq. 34)."""
    half = HEAD_WIDTH // 2
    speeds = ROPE_BASE ** (-torch.arange(half, device=like.device, dtype=torch.float32) / half)
    angles = torch.outer(torch.arange(tokens, device=like.device, dtype=torch.float32), speeds)
    sign = torch.cat([-torch.ones(half), torch.ones(half)]).to(like.device)
    cosine, sine = angles.cos().repeat(1, 2), angles.sin().repeat(1, 2) * sign
    return cosine.to(like.dtype), sine.to(like.dtype)
