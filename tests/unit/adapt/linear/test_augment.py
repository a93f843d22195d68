"""What is made of texts for a teacher to label."""

import numpy as np
import pytest

from suffice.adapt.linear import augment
from suffice.adapt.linear.augment import Augmenter

TEXTS = ["pay my card now", "block my card", "what is the rate", "the rate of my loan"]
CLASSES = np.array([0, 0, 1, 1])


def test_variations_are_made_of_the_words_of_the_texts():
    """Nothing is invented: each word occurs in some text, and most variations are new."""
    made = Augmenter(TEXTS, CLASSES, seed=0).variations(400)
    known = {word for text in TEXTS for word in text.split()}

    assert 400 == len(made)
    assert {word for text in made for word in text.split()} <= known
    assert len(set(made) - set(TEXTS)) > 50
    assert all(made)


def test_variations_are_seeded():
    """The same seed gives the same texts."""
    one, two, other = (Augmenter(TEXTS, CLASSES, seed=seed).variations(50) for seed in (3, 3, 4))

    assert one == two
    assert one != other


@pytest.mark.parametrize(
    "texts", [["日本語のテキスト", "別の文章です"], ["a", "b"], ["", " ", "\x02 \x03", "x y"]]
)
def test_texts_without_blanks_and_empty_ones(texts):
    """A script without blanks is varied by characters; empty texts lend nothing."""
    made = Augmenter(texts, np.zeros(len(texts), np.int64), seed=0).variations(30)

    assert 30 == len(made)
    assert set("".join(made)) <= set("".join(texts)) | {" "}


def test_nothing_comes_of_nothing():
    """Without any text there are no variations."""
    assert [] == Augmenter([""], np.zeros(1, np.int64), seed=0).variations(5)


def test_memory_is_bounded(monkeypatch):
    """Past the limit of pieces, texts are left as they are."""
    monkeypatch.setattr(augment, "MOST_PIECES", 5)
    made = Augmenter(TEXTS, CLASSES, seed=1).variations(20)

    assert any(
        set(text.split()) >= {word for made_text in made for word in made_text.split()} for text in TEXTS
    )
