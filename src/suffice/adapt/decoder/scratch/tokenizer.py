"""A byte-level BPE tokenizer learnt on a task's own texts, which reads a word alike wherever it stands."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from suffice import extras, files
from suffice.models.prompt import PLAIN_MARK

END, PAD = "<|end|>", "<|pad|>"
# How the engine names this way of cutting texts into words: single digits, then GPT-2's pattern.
PRE_TOKENIZER = "smollm"
_SPACE = "Ġ"  # the byte-level alphabet's space
_BYTES = 256
_LEAST_COUNT = 2
_NORMAL = 1  # the type of a token that merges make, in GGUF


@dataclass(frozen=True, kw_only=True)
class LearntTokenizer:
    """A tokenizer, and how its table of tokens is made of fewer vectors.

    `base[i]` is the token whose vector token i shares, and `has_space[i]` says whether token i is that
    token with a space in front, which one further vector, the space's, adds.
    """

    tokenizer: Tokenizer
    base: tuple[int, ...]
    has_space: tuple[bool, ...]

    @property
    def size(self) -> int:
        """Returns the number of tokens."""
        return len(self.base)

    def markup(self, text: str) -> list[int]:
        """Returns the tokens of a text of ours, in which control tokens count."""
        return self._ids(text, plain=False)

    def plain(self, text: str) -> list[int]:
        """Returns the tokens of a foreign text: what looks like a control token is mere text."""
        return self._ids(text, plain=True)

    @property
    def end_id(self) -> int:
        """Returns the token that ends an answer."""
        return self._id(END)

    @property
    def pad_id(self) -> int:
        """Returns the token that fills up a batch."""
        return self._id(PAD)

    def save(self, folder: Path) -> None:
        """Writes `tokenizer.json` and `tokenizer_config.json`, as transformers reads them."""
        files.write_text(folder / "tokenizer.json", self.tokenizer.to_str(pretty=False))
        about = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": END,
            "pad_token": PAD,
            "add_bos_token": False,
            "clean_up_tokenization_spaces": False,
        }
        files.write_json(folder / "tokenizer_config.json", about)

    def _id(self, token: str) -> int:
        found: int | None = self.tokenizer.token_to_id(token)
        assert found is not None, token  # noqa: S101 - `learn` added it
        return found

    def _ids(self, text: str, *, plain: bool) -> list[int]:
        self.tokenizer.encode_special_tokens = plain
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)


def learn(texts: Iterable[str], *, most_tokens: int, fragments: Sequence[str] = ()) -> LearntTokenizer:
    """Returns a tokenizer of at most `most_tokens` tokens and the fragments.

    Merges are learnt on words without the space before them (Sennrich et al. 2016), half of the room
    for them; then each token that begins a word gets a twin with the space, made by the last merges of
    all. So " Bach" and "Bach" are cut at the same places, and a name in a sentence and the same name
    in an answer's quotes differ in their first token only, by the space: that is what makes copying
    easy to learn. The same texts give the same tokenizer.
    """
    words = Counter(word for text in texts for word in text.split())
    learnt = _bpe(words, tokens=max(_BYTES, (most_tokens + _BYTES) // 2))
    vocabulary: dict[str, int] = learnt["vocab"]
    merges = _merges(learnt)
    first = _first_tokens(words, learnt)
    room = max(0, most_tokens - len(vocabulary))
    twins = [token for token, count in first if count >= _LEAST_COUNT][:room]
    base, has_space = list(range(len(vocabulary))), [False] * len(vocabulary)
    for token in twins:
        base.append(vocabulary[token])
        has_space.append(True)
        merges.append((_SPACE, token))
        vocabulary[_SPACE + token] = len(vocabulary)
    tokenizer = _tokenizer(vocabulary, merges)
    tokenizer.add_special_tokens([_added(text, special=True) for text in (END, PAD, PLAIN_MARK)])
    tokenizer.add_tokens([_added(text, special=False) for text in fragments if text not in vocabulary])
    count = tokenizer.get_vocab_size()
    return LearntTokenizer(
        tokenizer=tokenizer,
        base=(*base, *range(len(base), count)),
        has_space=(*has_space, *([False] * (count - len(base)))),
    )


def of_gguf(path: Path) -> LearntTokenizer | None:
    """Returns the tokenizer inside a GGUF file, or None where it was not learnt by `learn`."""
    gguf = extras.require("gguf", extra="train", feature="reading a decoder's tokenizer")
    fields = {name: field.contents() for name, field in gguf.GGUFReader(path).fields.items()}
    tokens: list[str] = fields.get("tokenizer.ggml.tokens", [])
    controls = {END, PAD, PLAIN_MARK}
    if fields.get("tokenizer.ggml.pre") != PRE_TOKENIZER or not controls.issubset(tokens):
        return None
    kinds = fields["tokenizer.ggml.token_type"]
    added = [place for place, kind in enumerate(kinds) if kind != _NORMAL]
    vocabulary = {token: place for place, token in enumerate(tokens) if kinds[place] == _NORMAL}
    merges = [tuple(pair.split(" ")) for pair in fields["tokenizer.ggml.merges"]]
    tokenizer = _tokenizer(vocabulary, [(first, second) for first, second in merges])
    for place in added:
        tokenizer.add_tokens([_added(tokens[place], special=tokens[place] in controls)])
    base = list(range(len(tokens)))
    for first, second in merges:
        if first == _SPACE:
            base[vocabulary[_SPACE + second]] = vocabulary[second]
    made = LearntTokenizer(
        tokenizer=tokenizer,
        base=tuple(base),
        has_space=tuple(place != shared for place, shared in enumerate(base)),
    )
    return made if tokenizer.get_vocab() == {token: place for place, token in enumerate(tokens)} else None


def _bpe(words: Counter[str], *, tokens: int) -> dict[str, Any]:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _pre_tokenizer()
    trainer = trainers.BpeTrainer(
        vocab_size=tokens,
        min_frequency=_LEAST_COUNT,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator((word for word in sorted(words) for _ in range(words[word])), trainer)
    model: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return model


def _merges(learnt: dict[str, Any]) -> list[tuple[str, str]]:
    return [(first, second) for first, second in learnt["merges"]]


def _first_tokens(words: Counter[str], learnt: dict[str, Any]) -> list[tuple[str, int]]:
    """Returns the tokens that begin words, with how many words they begin, most frequent first."""
    tokenizer = _tokenizer(learnt["vocab"], _merges(learnt))
    counts: Counter[str] = Counter()
    distinct = sorted(words)
    for word, encoded in zip(distinct, tokenizer.encode_batch(distinct), strict=True):
        token = encoded.tokens[0]
        # A digit is cut off from the space before it, so it has no twin.
        if not word[0].isnumeric():
            counts[token] += words[word]
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _tokenizer(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(vocab=dict(vocabulary), merges=merges))
    tokenizer.pre_tokenizer = _pre_tokenizer()
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _pre_tokenizer() -> pre_tokenizers.PreTokenizer:
    digits = pre_tokenizers.Digits(individual_digits=True)
    return pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])


def _added(text: str, *, special: bool) -> AddedToken:
    return AddedToken(text, special=special, normalized=False)
