"""Small real models in GGUF files: Llama's architecture, chance weights, bytes and some words as tokens."""

from pathlib import Path

import numpy as np
import pytest

gguf = pytest.importorskip("gguf", reason="the extra train writes GGUF files")

EMBEDDING, LAYERS, HEADS, KV_HEADS, FEED_FORWARD, CONTEXT = 64, 2, 4, 2, 96, 512
BOS, EOS = "<s>", "</s>"
END_OF_TURN = "<|im_end|>"
# Merged in this order; each is made of two that exist before it.
MERGES = (
    ("Ġ", "t"),
    ("h", "e"),
    ("Ġt", "he"),
    ("a", "n"),
    ("an", "d"),
    ("r", "e"),
    ("Ġ", "a"),
    ("i", "n"),
    ("o", "n"),
    ("Ġ", "re"),
    ("f", "u"),
    ("fu", "n"),
    ("re", "fun"),
    ("refun", "d"),
    ("c", "a"),
    ("ca", "r"),
    ("car", "d"),
    ("l", "o"),
    ("lo", "s"),
    ("los", "t"),
)


def byte_letters() -> list[str]:
    """Returns GPT-2's 256 letters for bytes: printable ones stand for themselves."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


def write_byte_bpe(
    path: Path,
    *,
    seed: int = 0,
    context: int = CONTEXT,
    template: str | None = None,
    is_quantised: bool = False,
) -> Path:
    """Returns the path after writing a model whose tokenizer is byte-level BPE, as GPT-2's and Llama 3's.

    Weights are 32-bit floats, or Q8_0 where `is_quantised`.
    """
    words = [*byte_letters(), *(left + right for left, right in MERGES)]
    tokens = [BOS, EOS, "<|im_start|>", END_OF_TURN, *words]
    writer = _writer(path, len(tokens), context)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL] * 4 + [gguf.TokenType.NORMAL] * len(words))
    writer.add_token_merges([f"{left} {right}" for left, right in MERGES])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_eot_token_id(3)
    writer.add_add_bos_token(value=True)
    if template is not None:
        writer.add_chat_template(template)
    return _finish(writer, path, len(tokens), seed, is_quantised=is_quantised)


def write_spm(path: Path, *, seed: int = 0) -> Path:
    """Returns the path after writing a model whose tokenizer is SentencePiece with bytes, as Llama 2's."""
    words = ["▁", "t", "h", "e", "a", "n", "d", "▁t", "he", "▁the", "an", "and", "▁and", "b", "c", "r", "\n"]
    tokens = ["<unk>", BOS, EOS, *(f"<0x{byte:02X}>" for byte in range(256)), *words]
    types = [gguf.TokenType.UNKNOWN, *[gguf.TokenType.CONTROL] * 2, *[gguf.TokenType.BYTE] * 256]
    writer = _writer(path, len(tokens), CONTEXT)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_types([*types, *[gguf.TokenType.NORMAL] * len(words)])
    writer.add_token_scores([0.0] * 259 + [-float(index) for index in range(len(words))])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(value=True)
    return _finish(writer, path, len(tokens), seed)


def _writer(path: Path, vocabulary: int, context: int):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(context)
    writer.add_embedding_length(EMBEDDING)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(EMBEDDING // HEADS)
    writer.add_vocab_size(vocabulary)
    return writer


def _finish(writer, path: Path, vocabulary: int, seed: int, *, is_quantised: bool = False) -> Path:
    rng = np.random.default_rng(seed)
    kind = gguf.GGMLQuantizationType.Q8_0 if is_quantised else gguf.GGMLQuantizationType.F32

    def add(name: str, *shape: int) -> None:
        scale = 2.0 / np.sqrt(shape[-1])
        weights = rng.normal(0, scale, shape).astype(np.float32)
        writer.add_tensor(f"{name}.weight", gguf.quants.quantize(weights, kind), raw_dtype=kind)

    add("token_embd", vocabulary, EMBEDDING)
    add("output", vocabulary, EMBEDDING)
    writer.add_tensor("output_norm.weight", np.ones(EMBEDDING, np.float32))
    kv_width = EMBEDDING // HEADS * KV_HEADS
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"{block}.{norm}.weight", np.ones(EMBEDDING, np.float32))
        add(f"{block}.attn_q", EMBEDDING, EMBEDDING)
        add(f"{block}.attn_k", kv_width, EMBEDDING)
        add(f"{block}.attn_v", kv_width, EMBEDDING)
        add(f"{block}.attn_output", EMBEDDING, EMBEDDING)
        add(f"{block}.ffn_gate", FEED_FORWARD, EMBEDDING)
        add(f"{block}.ffn_up", FEED_FORWARD, EMBEDDING)
        add(f"{block}.ffn_down", EMBEDDING, FEED_FORWARD)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
