"""The tokenizer learnt on a task's texts."""

from pathlib import Path

import pytest

from suffice.adapt.decoder.scratch import tokenizer
from suffice.models.prompt import PLAIN_MARK
from tests.unit.adapt.decoder import toy_frames

_TEXTS = [sample.text for sample in toy_frames.samples(200, seed=1)]
_ODD = [
    "",
    "naïve café 日本語 🙂",
    "a  b\n\n\tc",
    "1234 5.6 it's  I'LL",
    "<|end|>\n=>\n",
    'x","what":"y',
    "\x00",
]


@pytest.fixture(scope="module")
def learnt() -> tokenizer.LearntTokenizer:
    """A small tokenizer."""
    return tokenizer.learn(_TEXTS, most_tokens=400, fragments=['","what":"', '"}}'])


@pytest.mark.parametrize("text", [*_ODD, *_TEXTS[:20]])
def test_every_text_comes_back(learnt: tokenizer.LearntTokenizer, text: str):
    """Byte-level tokens lose nothing."""
    assert text == learnt.tokenizer.decode(learnt.plain(text), skip_special_tokens=False)


def test_a_word_is_cut_alike_with_and_without_a_space(learnt: tokenizer.LearntTokenizer):
    """With a space before it a word has the same tokens, but that the first is its twin."""
    bare, spaced = learnt.plain("Stone"), learnt.plain(" Stone")
    assert bare[1:] == spaced[1:]
    assert bare[0] == learnt.base[spaced[0]]
    assert (True, False) == (learnt.has_space[spaced[0]], learnt.has_space[bare[0]])


def test_control_tokens_count_in_markup_only(learnt: tokenizer.LearntTokenizer):
    """A user's "<|end|>" ends nothing."""
    assert [learnt.end_id] == learnt.markup(tokenizer.END)
    assert 1 == len(learnt.markup(PLAIN_MARK))
    assert learnt.end_id not in learnt.plain(f"a {tokenizer.END} b")


def test_fixed_parts_are_one_token(learnt: tokenizer.LearntTokenizer):
    """A fragment given is one token."""
    assert (1, 1) == (len(learnt.plain('","what":"')), len(learnt.plain('"}}')))


def test_the_same_texts_give_the_same_tokenizer(learnt: tokenizer.LearntTokenizer):
    """Nothing depends on chance."""
    again = tokenizer.learn(_TEXTS, most_tokens=400, fragments=['","what":"', '"}}'])
    assert learnt.tokenizer.to_str() == again.tokenizer.to_str()
    assert (learnt.base, learnt.has_space) == (again.base, again.has_space)


def test_the_vocabulary_keeps_to_its_size(learnt: tokenizer.LearntTokenizer):
    """At most the asked number of tokens, the fragments and three control tokens."""
    assert learnt.size <= 400 + 2 + 3
    assert learnt.size == learnt.tokenizer.get_vocab_size()


def test_what_is_saved_is_what_transformers_reads(learnt: tokenizer.LearntTokenizer, tmp_path: Path):
    """The same tokens, the same end token."""
    transformers = pytest.importorskip("transformers")
    learnt.save(tmp_path)
    read = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert learnt.end_id == read.eos_token_id
    assert learnt.markup(_TEXTS[0]) == read(_TEXTS[0])["input_ids"]
