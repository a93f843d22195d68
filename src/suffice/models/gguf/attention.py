"""How a context reads and keeps its tokens: a request's answer must not depend on what else is in the pass.

What is certified in batches is served one by one. llama.cpp has no one setting that keeps answers apart
and is fast on every file, so that two are used, chosen by the file's weights (decision 0013).
"""

from __future__ import annotations

from suffice.models.gguf import library
from suffice.models.gguf.header import Header

_FLOAT32, _FLOAT16, _BFLOAT16 = 0, 1, 30  # enum ggml_type
_PLAIN, _FLASH = 0, 1  # enum llama_flash_attn_type


def choose(params: library.ContextParams, header: Header) -> None:
    """Sets the way of attention, and the types of keys and values.

    Weights in 32 bits: no flash attention, all in 32 bits; logits move with the company by 1e-5, and are
    those of transformers to 1e-6. Others: flash attention between float16 keys and bfloat16 values. Between
    equal types it takes another way for 64 tokens and more, and for one token after 512 cells; between
    unequal ones it reads each token by itself, and sums in 32 bits as the values are not float16.
    """
    if is_exact(header):
        params.flash_attn_type = _PLAIN
        params.type_k = params.type_v = _FLOAT32
    else:
        params.flash_attn_type = _FLASH
        params.type_k, params.type_v = _FLOAT16, _BFLOAT16


def is_exact(header: Header) -> bool:
    """Says whether all weights are 32-bit floats."""
    return all(tensor.type_name == "F32" for tensor in header.tensors)
