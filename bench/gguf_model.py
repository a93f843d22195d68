"""A decoder of chance weights in the shape of SmolLM2-135M, in Q8_0: speeds are real, its words are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from suffice import extras

# HuggingFaceTB/SmolLM2-135M, config.json.
WIDTH, LAYERS, HEADS, KV_HEADS, FEED_FORWARD, VOCABULARY, CONTEXT = 576, 30, 9, 3, 1536, 49152, 8192
ROPE_BASE = 100_000.0
_SCALE = 0.02
_BYTES = 256


def write(path: Path, *, seed: int = 0) -> Path:
    """Returns the path after writing the model; embeddings are tied, as in the original."""
    gguf = extras.require("gguf", extra="train", feature="writing a GGUF file")
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_vocab_size(VOCABULARY)
    _add_tokenizer(writer, gguf)
    _add_tensors(writer, gguf, np.random.default_rng(seed))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_tokenizer(writer: Any, gguf: Any) -> None:
    """Adds 256 bytes, an end token, and fillers: what is used are token numbers."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(_BYTES, 2 * _BYTES))
    letters = [chr(byte) if byte in printable else chr(next(others)) for byte in range(_BYTES)]
    words = [*letters, *(f"w{index}" for index in range(VOCABULARY - _BYTES - 1))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(["<|end|>", *words])
    writer.add_token_types([gguf.TokenType.CONTROL, *[gguf.TokenType.NORMAL] * len(words)])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(value=False)


def _add_tensors(writer: Any, gguf: Any, rng: np.random.Generator) -> None:
    kind = gguf.GGMLQuantizationType.Q8_0

    def add(name: str, rows: int, columns: int) -> None:
        data = rng.normal(0, _SCALE, (rows, columns)).astype(np.float32)
        writer.add_tensor(f"{name}.weight", gguf.quants.quantize(data, kind), raw_dtype=kind)

    add("token_embd", VOCABULARY, WIDTH)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    kv_width = WIDTH // HEADS * KV_HEADS
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}.{norm}.weight", np.ones(WIDTH, np.float32))
        add(f"{block}.attn_q", WIDTH, WIDTH)
        add(f"{block}.attn_k", kv_width, WIDTH)
        add(f"{block}.attn_v", kv_width, WIDTH)
        add(f"{block}.attn_output", WIDTH, WIDTH)
        add(f"{block}.ffn_gate", FEED_FORWARD, WIDTH)
        add(f"{block}.ffn_up", FEED_FORWARD, WIDTH)
        add(f"{block}.ffn_down", WIDTH, FEED_FORWARD)
