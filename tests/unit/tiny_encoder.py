"""A random BERT encoder of two narrow layers with a real tokenizer file: real formats, no download."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from suffice.adapt.encoder import quantised_body
from suffice.adapt.encoder.weights import EncoderFiles

WIDTH, LAYERS = 64, 2
_WORDS = [
    "lost",
    "stolen",
    "card",
    "money",
    "account",
    "balance",
    "how",
    "much",
    "is",
    "my",
    "the",
    "a",
    "please",
    "where",
    "transfer",
    "send",
    "pay",
    "bill",
    "i",
    "want",
    "to",
    "know",
    "weather",
    "today",
    "rain",
    "sunny",
    "hot",
    "cold",
    "tomorrow",
    "will",
    "it",
    "be",
    "what",
    "in",
    "paris",
    "london",
    "hello",
    "thanks",
]
_PIECES = [chr(code) for code in range(97, 123)]
_VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *_WORDS, *(f"##{p}" for p in _PIECES), *_PIECES]


def tokenizer_json(*, padded: bool = True) -> str:
    """Returns a WordPiece tokenizer's file; like the official one it pads and cuts to 128 tokens."""
    vocabulary = {word: place for place, word in enumerate(dict.fromkeys(_VOCABULARY))}
    special = [
        {"id": place, "content": word, "special": True, "single_word": False, "lstrip": False}
        | {"rstrip": False, "normalized": False}
        for place, word in enumerate(_VOCABULARY[:4])
    ]
    padding = {"strategy": {"Fixed": 128}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0}
    return json.dumps(
        {
            "version": "1.0",
            "truncation": {"max_length": 128, "strategy": "LongestFirst", "stride": 0} if padded else None,
            "padding": padding | {"pad_type_id": 0, "pad_token": "[PAD]"} if padded else None,
            "added_tokens": special,
            "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True}
            | {"strip_accents": None, "lowercase": True},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": None,
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##"}
            | {"max_input_chars_per_word": 100, "vocab": vocabulary},
        }
    )


def tensors(*, width: int = WIDTH, layers: int = LAYERS, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Returns random weights under the names of a BERT checkpoint."""
    rng = np.random.default_rng(seed)
    words = len(dict.fromkeys(_VOCABULARY))
    made: dict[str, NDArray[np.float32]] = {}

    def put(name: str, *shape: int) -> None:
        made[name] = rng.normal(0.0, 0.3 if len(shape) > 1 else 0.1, shape).astype(np.float32)

    def norm(name: str) -> None:
        made[f"{name}.weight"] = rng.uniform(0.5, 1.5, width).astype(np.float32)
        put(f"{name}.bias", width)

    put("embeddings.word_embeddings.weight", words, width)
    put("embeddings.position_embeddings.weight", 512, width)
    put("embeddings.token_type_embeddings.weight", 2, width)
    norm("embeddings.LayerNorm")
    for layer in range(layers):
        prefix = f"encoder.layer.{layer}"
        for part in ("attention.self.query", "attention.self.key", "attention.self.value"):
            put(f"{prefix}.{part}.weight", width, width)
            put(f"{prefix}.{part}.bias", width)
        put(f"{prefix}.attention.output.dense.weight", width, width)
        put(f"{prefix}.attention.output.dense.bias", width)
        norm(f"{prefix}.attention.output.LayerNorm")
        put(f"{prefix}.intermediate.dense.weight", 4 * width, width)
        put(f"{prefix}.intermediate.dense.bias", 4 * width)
        put(f"{prefix}.output.dense.weight", width, 4 * width)
        put(f"{prefix}.output.dense.bias", width)
        norm(f"{prefix}.output.LayerNorm")
    return made


def write_source(folder: Path, *, seed: int = 0) -> EncoderFiles:
    """Returns a folder with `model.safetensors` and `tokenizer.json` of a tiny encoder."""
    folder.mkdir(parents=True, exist_ok=True)
    files = EncoderFiles(folder=folder)
    save_file(tensors(seed=seed), files.weights)
    files.tokenizer.write_text(tokenizer_json(), encoding="utf-8")
    return files


def write_body(folder: Path, *, seed: int = 0) -> Path:
    """Returns a folder with the 8-bit encoder and its tokenizer."""
    quantised_body.write_body(write_source(folder / "source", seed=seed), folder / "body")
    return folder / "body"
