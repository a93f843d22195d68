"""A Llama of random weights with a tokenizer learnt on a few words, for tests of what is done to decoders."""

from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

WORDS = "the cat sat on the mat and read 1234 letters of the alphabet, didn't it?"


def write(
    folder: Path, *, width: int = 256, layers: int = 2, seed: int = 0, digits: bool = True, **settings: Any
) -> Path:
    """Returns the folder, in which a decoder of `layers` layers lies as save_pretrained writes it."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizer = write_tokenizer(folder, digits=digits)
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        bos_token_id=0,
        eos_token_id=0,
        **settings,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def write_tokenizer(folder: Path, *, digits: bool = True) -> Any:
    """Returns a byte-level BPE tokenizer after writing it into the folder."""
    transformers = pytest.importorskip("transformers")
    bpe = tokenizers.Tokenizer(models.BPE())
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    single = pre_tokenizers.Digits(individual_digits=True)
    bpe.pre_tokenizer = pre_tokenizers.Sequence([single, byte_level]) if digits else byte_level
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([WORDS] * 4, trainer)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token="<|end|>", bos_token="<|end|>"
    )
    fast.save_pretrained(folder)
    return fast
