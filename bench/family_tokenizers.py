"""Tokenizers for tiny models: the family's own where it is at hand, else one of the same algorithm."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sentencepiece
import tokenizers
import transformers
from tokenizers import decoders, models, pre_tokenizers, processors, trainers

from suffice import files
from suffice.adapt.decoder.gguf_files import pre_tokenizer
from suffice.adapt.decoder.published import chat_formats
from suffice.adapt.decoder.published.families import Family

VOCABULARY = 768
_REAL = {"gpt-neox": "gpt_neox_20B_tokenizer.json"}
_REGEX = {name: regex for regex, name in pre_tokenizer.SPLITS.items()}


def write(family: Family, folder: Path, *, texts: Sequence[str], data: Path | None) -> bool:
    """Says whether the family's own tokenizer was written into the folder, else one learnt on the texts."""
    real = None if data is None or family.words not in _REAL else data / "tokenizers" / _REAL[family.words]
    if family.words == "sentencepiece":
        _write_sentencepiece(family, folder, texts)
    elif real is not None and real.is_file():
        (folder / "tokenizer.json").write_bytes(real.read_bytes())
    else:
        _write_bpe(family, folder, texts)
    files.write_json(folder / "tokenizer_config.json", _config(family, folder))
    return real is not None and real.is_file()


def _config(family: Family, folder: Path) -> dict[str, Any]:
    # The converter tells Phi-4's byte-level tokenizer from Phi-3's by this name, as published.
    names = {"sentencepiece": "LlamaTokenizer", "dbrx": "GPT2Tokenizer"}
    config: dict[str, Any] = {
        "tokenizer_class": names.get(family.words, "PreTrainedTokenizerFast"),
        "eos_token": family.stops[0],
        "clean_up_tokenization_spaces": False,
    }
    if family.words == "sentencepiece" and family.chat == "gemma":
        config["tokenizer_class"] = "GemmaTokenizer"
    if family.start is not None:
        config |= {"bos_token": family.start, "add_bos_token": True}
    if family.chat is not None:
        config["chat_template"] = chat_formats.TEMPLATES[family.chat]
    if family.words == "sentencepiece":
        config |= {"unk_token": "<unk>", "add_eos_token": False, "legacy": family.spaces == "always"}
        config["added_tokens_decoder"] = _added(folder)
    return config


def _write_bpe(family: Family, folder: Path, texts: Sequence[str]) -> None:
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    steps: list[Any] = [byte_level]
    if family.words == "smollm":
        steps = [pre_tokenizers.Digits(individual_digits=True), byte_level]
    elif family.words in {"dbrx", "llama-bpe", "qwen2"}:
        regex = _REGEX["qwen2" if family.words == "qwen2" else "dbrx"]
        split = pre_tokenizers.Split(tokenizers.Regex(regex), behavior="isolated")
        steps = [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    bpe = tokenizers.Tokenizer(models.BPE(ignore_merges=family.words == "llama-bpe"))
    bpe.pre_tokenizer = pre_tokenizers.Sequence(steps)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=_controls(family),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    if family.start is not None:
        bpe.post_processor = processors.TemplateProcessing(
            single=f"{family.start} $A", special_tokens=[(family.start, bpe.token_to_id(family.start))]
        )
    bpe.save(str(folder / "tokenizer.json"))


def _controls(family: Family) -> list[str]:
    """Returns the control tokens of a family: where a text starts, the ends, and the markup of its turns."""
    markup = {
        "chatml": ("<|im_start|>",),
        "llama-3": ("<|start_header_id|>", "<|end_header_id|>"),
        "phi-3": ("<|user|>", "<|assistant|>", "<|system|>"),
        "phi-4": ("<|im_start|>", "<|im_sep|>"),
        "gemma": ("<start_of_turn>",),
    }
    start = () if family.start is None else (family.start,)
    return [*start, *family.stops, *markup.get(family.chat or "", ())]


def _write_sentencepiece(family: Family, folder: Path, texts: Sequence[str]) -> None:
    first: dict[str, Any] = {"bos_id": 1, "eos_id": 2, "unk_id": 0, "pad_id": -1}
    controls: list[str] = []
    if family.chat == "gemma":
        first = {"pad_id": 0, "eos_id": 1, "bos_id": 2, "unk_id": 3}
        # The converter knows Gemma's turns by their numbers in the published vocabulary, 106 and 107.
        controls = [*(f"<unused{index}>" for index in range(102)), "<start_of_turn>", "<end_of_turn>"]
    end = "</s>" if family.stops[0] == "<|endoftext|>" else family.stops[0]
    known = {family.start, end, "<unk>", "<pad>"}
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=written,
        vocab_size=VOCABULARY + len(controls),
        model_type="bpe",
        byte_fallback=True,
        split_digits=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=family.spaces != "never",
        character_coverage=0.9995,
        bos_piece=family.start or "<s>",
        eos_piece=end,
        control_symbols=controls,
        minloglevel=2,
        num_threads=1,
        **first,
    )
    (folder / "tokenizer.model").write_bytes(written.getvalue())
    loader = transformers.GemmaTokenizer if family.chat == "gemma" else transformers.LlamaTokenizer
    fast = loader.from_pretrained(folder, add_bos_token=True, legacy=family.spaces == "always")
    fast.add_special_tokens(
        {"additional_special_tokens": [token for token in _controls(family) if token not in known]}
    )
    fast.save_pretrained(folder)


def _added(folder: Path) -> dict[str, Any]:
    """Returns the added tokens of tokenizer.json as the published tokenizer_config.json files list them."""
    found = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]
    return {str(token.pop("id")): token for token in found}
