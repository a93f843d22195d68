"""Which of llama.cpp's pre-tokenizers splits text as a tokenizer.json does."""

import json
from pathlib import Path
from typing import Any

from suffice.errors import ArtefactError

# The regular expressions as the tokenizer.json files of these models have them; llama.cpp knows each by a
# name (its src/llama-vocab.cpp, llm_tokenizer_bpe). "llama-bpe" also takes a word that is one token as it
# is, before merging ("ignore_merges" in tokenizer.json); "dbrx" splits alike and does not.
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPLITS = {
    _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + _REST: "dbrx",
    _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + _REST: "qwen2",
}


def name_of(folder: Path) -> str:
    """Returns the name under which llama.cpp knows the way the folder's tokenizer.json splits text.

    Raises:
        ArtefactError: no name is known to split alike.
    """
    path = folder / "tokenizer.json"
    try:
        tokenizer = json.loads(path.read_text(encoding="utf-8"))
        steps = _steps(tokenizer["pre_tokenizer"])
        whole_words = bool(tokenizer["model"].get("ignore_merges"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtefactError(f"{path} is no tokenizer that can be exported: {error!r}") from error
    name = _name(steps)
    if whole_words:
        name = "llama-bpe" if name == "dbrx" else None
    if name is None or tokenizer.get("normalizer") is not None:
        found = json.dumps({key: tokenizer.get(key) for key in ("normalizer", "pre_tokenizer")})
        raise ArtefactError(
            f"{path} splits text in a way that llama.cpp has no known name for: {found[:300]}",
            hint="train the tokenizer with ByteLevel, or with Digits(individual_digits) and ByteLevel",
        )
    return name


def _name(steps: list[dict[str, Any]]) -> str | None:
    kinds = [step.get("type") for step in steps]
    if not kinds or kinds[-1] != "ByteLevel" or steps[-1].get("add_prefix_space", True):
        return None
    own_split = steps[-1].get("use_regex", True)
    if own_split and kinds == ["ByteLevel"]:
        return "gpt-2"
    if own_split and kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits"):
        return "smollm"
    if not own_split and kinds == ["Split", "ByteLevel"] and steps[0].get("behavior") == "Isolated":
        return SPLITS.get(steps[0].get("pattern", {}).get("Regex", ""))
    return None


def _steps(pre_tokenizer: dict[str, Any]) -> list[dict[str, Any]]:
    if pre_tokenizer["type"] == "Sequence":
        return list(pre_tokenizer["pretokenizers"])
    return [pre_tokenizer]
