"""Which type each tensor of a GGUF file gets: llama.cpp's mixtures, and what it falls back to."""

import re
from dataclasses import dataclass

# Weights per block: the row length must be a multiple of it (ggml-common.h: QK_K, QK8_0, QK4_0).
BLOCK = {"Q4_0": 32, "Q4_1": 32, "Q5_0": 32, "Q5_1": 32, "Q8_0": 32, "Q4_K": 256, "Q5_K": 256, "Q6_K": 256}
# The type most tensors get, by the file's type.
DEFAULT = {"Q8_0": "Q8_0", "Q4_0": "Q4_0", "Q4_K_M": "Q4_K", "Q5_K_M": "Q5_K", "Q6_K": "Q6_K"}
# llama.cpp, src/llama-quant.cpp, tensor_type_fallback; what suits no block of 32 either stays F16.
_FALLBACK = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
# Small or delicate tensors that llama.cpp never quantises (same file, tensor_allows_quantization).
_KEPT = re.compile(
    r"_norm\.weight$|ffn_gate_inp\.weight$|position_embd|token_types|ssm_conv1d|rope_freqs|rope_factors"
)
_LAYER = re.compile(r"blk\.(\d+)\.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What the rules ask of the whole model: layers, experts, tied embeddings, an importance matrix."""

    layers: int
    experts: int = 0
    tied: bool = False
    importance: bool = False


def is_quantised(name: str, dimensions: tuple[int, ...]) -> bool:
    """Says whether a tensor of these dimensions is quantised at all; vectors, norms and routers are not."""
    matrix = sum(size > 1 for size in dimensions) >= 2
    return matrix and name.endswith("weight") and _KEPT.search(name) is None


def wanted(name: str, file_type: str, shape: Shape) -> str:
    """Returns the type the mixture gives a tensor, whatever the length of its rows.

    Source: llama.cpp, src/llama-quant.cpp, llama_tensor_get_type_impl.
    """
    default = DEFAULT[file_type]
    if name == "output.weight" or (shape.tied and name == "token_embd.weight"):
        return "Q8_0" if default == "Q8_0" else "Q6_K"
    found = _LAYER.match(name)
    if found is None:
        return default
    layer = int(found[1])
    better = file_type in {"Q4_K_M", "Q5_K_M"} and _deserves_more_bits(layer, shape.layers)
    if re.search(r"attn_(v|qkv)\.weight", name):
        return _value_type("Q6_K" if better else default, shape)
    if "ffn_down" in name:
        guarded = file_type == "Q4_0" and shape.importance and layer < shape.layers // 8
        return "Q4_1" if guarded else "Q6_K" if better else default
    if shape.experts == 8:
        return _attention_beside_experts(name, file_type)
    return default


def possible(wanted_type: str, *, row: int) -> str:
    """Returns the type that rows of `row` weights can have: the wanted one, its fallback, or F16."""
    for candidate in (wanted_type, _FALLBACK.get(wanted_type)):
        if candidate is not None and row % BLOCK[candidate] == 0:
            return candidate
    return "F16"


def _deserves_more_bits(layer: int, layers: int) -> bool:
    """Says whether a layer is in the first or last eighth, or every third between."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2


def _value_type(chosen: str, shape: Shape) -> str:
    if shape.experts == 8:
        return "Q8_0"
    # Models of 80 layers (70B) share each value matrix among 8 heads: more bits there cost little.
    return "Q5_K" if shape.layers == 80 and chosen == "Q4_K" else chosen


def _attention_beside_experts(name: str, file_type: str) -> str:
    """Returns the type where 8 experts make attention a small part of the model: more bits cost little."""
    if "attn_k.weight" in name:
        return "Q8_0"
    return "Q5_K" if "attn_output.weight" in name and file_type == "Q4_K_M" else DEFAULT[file_type]
