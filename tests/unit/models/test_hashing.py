"""Which n-grams a text holds, and that any text can be read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.models import hashing


@given(st.text())
def test_every_ngram_has_one_hash_and_is_counted_once(text):
    """The n-grams, their hashes and the counts of their buckets are as many, for any text."""
    hashes = np.concatenate(list(hashing.hash_blocks(text)))
    buckets, counts = hashing.counts(text, bits=12)

    assert len(hashing.ngrams(text)) == len(hashes) == counts.sum()
    assert np.unique(hashes >> np.uint64(52)).tolist() == buckets.tolist()


@pytest.mark.parametrize(
    "text", ["", " ", "\0", "\ud800", "日本語の文", "e\u0301", "a\u2028b", "😀" * 50, "\t\n"]
)
def test_ugly_texts_are_read(text):
    """Empty texts, NUL, lone surrogates, scripts without blanks: all give n-grams."""
    buckets, counts = hashing.counts(text, bits=10)

    assert len(buckets) > 0
    assert (buckets < 1024).all()
    assert (counts >= 1).all()


def test_form_does_not_count():
    """Case, blanks and compatibility forms of a text give the same buckets; other words do not."""
    reference, _ = hashing.counts("Grüße  an\tALLE", bits=15)

    assert reference.tolist() == hashing.counts("grüße an alle", bits=15)[0].tolist()
    assert reference.tolist() == hashing.counts("gru\u0308ße an alle", bits=15)[0].tolist()
    assert reference.tolist() != hashing.counts("grüße an alles", bits=15)[0].tolist()


def test_equal_ngrams_have_equal_hashes_wherever_they_stand():
    """An n-gram's hash depends on its characters and order alone."""
    text = "pay my bill, pay my rent"
    hashes = np.concatenate(list(hashing.hash_blocks(text)))
    by_ngram: dict[str, set[int]] = {}
    for ngram, value in zip(hashing.ngrams(text), hashes, strict=True):
        by_ngram.setdefault(ngram, set()).add(int(value))

    # " pay" as the start of a text and as the middle are one n-gram; the word "pay" is another.
    assert 1 == len(by_ngram[" pay "])
    assert 2 == len(by_ngram["pay"])


def test_blocks_neither_lose_nor_double_ngrams(monkeypatch):
    """A text of many blocks is counted exactly as it would be in one."""
    text = " ".join(f"word{i % 37} {i}" for i in range(300))
    whole = hashing.counts(text, bits=13)
    monkeypatch.setattr(hashing, "BLOCK", 64)
    blocks = hashing.counts(text, bits=13)

    assert len(list(hashing.hash_blocks(text))) > 30
    assert [part.tolist() for part in whole] == [part.tolist() for part in blocks]


def test_a_megabyte_is_counted_to_its_last_word():
    """Nothing of a long text is cut off."""
    text = "lorem ipsum " * 90_000
    without, with_word = hashing.counts(text, bits=15), hashing.counts(text + "zebra", bits=15)

    assert 4 * (len(text) + 1) + 2 * len(text.split()) == without[1].sum()
    assert len(set(with_word[0].tolist()) - set(without[0].tolist())) > 15


def test_the_scheme_has_not_changed():
    """Stored models depend on these exact buckets; a change needs a new scheme number."""
    assert 1 == hashing.SCHEME
    assert [174, 384, 396, 438, 511] == hashing.counts("pay my bill", bits=12)[0][:5].tolist()
