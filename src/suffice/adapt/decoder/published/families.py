"""The families of small language models: one published model's numbers each, how it reads and chats."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Words = Literal["gpt-2", "gpt-neox", "smollm", "llama-bpe", "qwen2", "dbrx", "sentencepiece"]


@dataclass(frozen=True, kw_only=True)
class Family:
    """One family by one of its published models.

    `config_class` names the class in transformers, `sizes` are numbers of that model's config.json, and
    what is left out is the class's default. `words` is how its tokenizer cuts text: llama.cpp's name of a
    byte-level split, or SentencePiece. `chat` names a template of `chat_formats`, or is None for a base
    model. `stops` are the tokens that end an answer, the text's end first.
    """

    name: str
    published: str
    config_class: str
    words: Words
    sizes: Mapping[str, Any] = field(default_factory=dict)
    chat: str | None = None
    stops: tuple[str, ...] = ("</s>",)
    start: str | None = "<s>"
    # SentencePiece: where the published tokenizer puts a space of its own: "always" is after control
    # tokens, too.
    spaces: Literal["never", "first", "always"] = "first"


def _sizes(
    vocabulary: int, width: int, inner: int, layers: int, heads: tuple[int, int], **others: Any
) -> dict[str, Any]:
    """Returns sizes in the words of most configurations; `heads` are those of queries and of keys."""
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": heads[0],
        "num_key_value_heads": heads[1],
        **others,
    }


_END_OF_TEXT = "<|endoftext|>"
_GEMMA: dict[str, Any] = {
    "words": "sentencepiece",
    "chat": "gemma",
    "stops": ("<eos>", "<end_of_turn>"),
    "start": "<bos>",
    "spaces": "never",
}

FAMILIES = (
    Family(
        name="Phi-2",
        published="microsoft/phi-2",
        config_class="PhiConfig",
        sizes=_sizes(
            51_200, 2560, 10_240, 32, (32, 32), partial_rotary_factor=0.4, max_position_embeddings=2048
        ),
        words="gpt-2",
        stops=(_END_OF_TEXT,),
        start=None,
    ),
    Family(
        name="Phi-3",
        published="microsoft/Phi-3-mini-4k-instruct",
        config_class="Phi3Config",
        sizes=_sizes(32_064, 3072, 8192, 32, (32, 32), sliding_window=2047, pad_token_id=None),
        words="sentencepiece",
        chat="phi-3",
        stops=(_END_OF_TEXT, "<|end|>"),
    ),
    Family(
        name="Phi-4",
        published="microsoft/phi-4",
        config_class="Phi3Config",
        sizes=_sizes(100_352, 5120, 17_920, 40, (40, 10), rope_theta=250_000.0, pad_token_id=None),
        words="dbrx",
        chat="phi-4",
        stops=(_END_OF_TEXT, "<|im_end|>"),
        start=None,
    ),
    Family(
        name="Gemma 1",
        published="google/gemma-2b-it",
        config_class="GemmaConfig",
        sizes=_sizes(256_000, 2048, 16_384, 18, (8, 1), head_dim=256),
        **_GEMMA,
    ),
    Family(
        name="Gemma 2",
        published="google/gemma-2-2b-it",
        config_class="Gemma2Config",
        sizes=_sizes(256_000, 2304, 9216, 26, (8, 4), head_dim=256, sliding_window=4096),
        **_GEMMA,
    ),
    Family(
        name="Gemma 3",
        published="google/gemma-3-1b-it",
        config_class="Gemma3TextConfig",
        sizes=_sizes(262_144, 1152, 6912, 26, (4, 1), head_dim=256, sliding_window=512),
        **_GEMMA,
    ),
    Family(
        name="Mistral 7B",
        published="mistralai/Mistral-7B-Instruct-v0.1",
        config_class="MistralConfig",
        sizes=_sizes(32_000, 4096, 14_336, 32, (32, 8), sliding_window=4096),
        words="sentencepiece",
        chat="mistral",
        spaces="always",
    ),
    Family(
        name="Mixtral",
        published="mistralai/Mixtral-8x7B-Instruct-v0.1",
        config_class="MixtralConfig",
        sizes=_sizes(32_000, 4096, 14_336, 32, (32, 8), num_local_experts=8, num_experts_per_tok=2),
        words="sentencepiece",
        chat="mistral",
        spaces="always",
    ),
    Family(
        name="Llama 2",
        published="meta-llama/Llama-2-7b-chat",
        config_class="LlamaConfig",
        sizes=_sizes(32_000, 4096, 11_008, 32, (32, 32)),
        words="sentencepiece",
        chat="llama-2",
    ),
    Family(
        name="Llama 3.x",
        published="meta-llama/Llama-3.2-1B-Instruct",
        config_class="LlamaConfig",
        sizes=_sizes(
            128_256,
            2048,
            8192,
            16,
            (32, 8),
            tie_word_embeddings=True,
            max_position_embeddings=131_072,
            rope_parameters={
                "rope_type": "llama3",
                "rope_theta": 500_000.0,
                "factor": 32.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 8192,
            },
        ),
        words="llama-bpe",
        chat="llama-3",
        stops=("<|end_of_text|>", "<|eot_id|>"),
        start="<|begin_of_text|>",
    ),
    Family(
        name="TinyLlama",
        published="TinyLlama/TinyLlama-1.1B-Chat-v1.0",
        config_class="LlamaConfig",
        sizes=_sizes(32_000, 2048, 5632, 22, (32, 4)),
        words="sentencepiece",
        chat="zephyr",
    ),
    Family(
        name="Qwen2.5",
        published="Qwen/Qwen2.5-0.5B-Instruct",
        config_class="Qwen2Config",
        sizes=_sizes(151_936, 896, 4864, 24, (14, 2), tie_word_embeddings=True, rope_theta=1_000_000.0),
        words="qwen2",
        chat="chatml",
        stops=(_END_OF_TEXT, "<|im_end|>"),
        start=None,
    ),
    Family(
        name="Qwen3",
        published="Qwen/Qwen3-0.6B",
        config_class="Qwen3Config",
        sizes=_sizes(
            151_936, 1024, 3072, 28, (16, 8), head_dim=128, tie_word_embeddings=True, rope_theta=1_000_000.0
        ),
        words="qwen2",
        chat="chatml",
        stops=(_END_OF_TEXT, "<|im_end|>"),
        start=None,
    ),
    Family(
        name="SmolLM2",
        published="HuggingFaceTB/SmolLM2-135M-Instruct",
        config_class="LlamaConfig",
        sizes=_sizes(49_152, 576, 1536, 30, (9, 3), tie_word_embeddings=True, rope_theta=100_000.0),
        words="smollm",
        chat="chatml",
        stops=(_END_OF_TEXT, "<|im_end|>"),
        start=None,
    ),
    Family(
        name="GPT-2",
        published="openai-community/gpt2",
        config_class="GPT2Config",
        sizes={"vocab_size": 50_257, "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024},
        words="gpt-2",
        stops=(_END_OF_TEXT,),
        start=None,
    ),
    Family(
        name="GPT-NeoX / Pythia",
        published="EleutherAI/pythia-1.4b",
        config_class="GPTNeoXConfig",
        sizes={
            "vocab_size": 50_304,
            "hidden_size": 2048,
            "intermediate_size": 8192,
            "num_hidden_layers": 24,
            "num_attention_heads": 16,
            "rotary_pct": 0.25,
        },
        words="gpt-neox",
        stops=(_END_OF_TEXT,),
        start=None,
    ),
    Family(
        name="Dolphin",
        published="cognitivecomputations/dolphin-2.9-llama3-8b",
        config_class="LlamaConfig",
        sizes=_sizes(128_258, 4096, 14_336, 32, (32, 8), rope_theta=500_000.0, max_position_embeddings=8192),
        words="llama-bpe",
        chat="chatml",
        stops=("<|end_of_text|>", "<|im_end|>"),
        start="<|begin_of_text|>",
    ),
)
