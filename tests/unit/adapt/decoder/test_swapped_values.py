"""Values swapped between rows of an extract task."""

import numpy as np

from suffice.adapt.decoder.scratch.swapped_values import ValueSwapper

_ROWS = [
    ("pay Ann for rent", {"act": "pay", "slots": {"who": "Ann", "what": "rent"}}),
    ("pay Bob Stone for lunch", {"act": "pay", "slots": {"who": "Bob Stone", "what": "lunch"}}),
]


def _variations(swapper: ValueSwapper, row: int, n: int) -> list[tuple[str, object]]:
    rng = np.random.default_rng(0)
    return [swapper.variation(row, rng) for _ in range(n)]


def test_a_variation_says_in_text_and_answer_the_same():
    """Each slot holds a value that some row has, in both places; what is no slot stays."""
    made = _variations(ValueSwapper(_ROWS, share=1.0), 0, 50)
    for text, target in made:
        slots = target["slots"]
        assert "pay" == target["act"]
        assert f"pay {slots['who']} for {slots['what']}" == text
    assert {"Ann", "Bob Stone"} == {target["slots"]["who"] for _, target in made}


def test_a_share_of_nothing_changes_nothing():
    """The rows come back as they are, and are not the same objects' to change."""
    assert [_ROWS[0]] * 5 == _variations(ValueSwapper(_ROWS, share=0.0), 0, 5)


def test_strange_values_are_words_of_the_texts():
    """As many words as the value lent, taken from anywhere."""
    words = {word for text, _ in _ROWS for word in text.split()}
    made = _variations(ValueSwapper(_ROWS, share=1.0, strange=1.0), 1, 30)
    assert all(set(target["slots"]["who"].split()) <= words for _, target in made)
    assert any(target["slots"]["who"] not in {"Ann", "Bob Stone"} for _, target in made)


def test_values_in_lists_and_values_met_twice():
    """An item of a list is a slot; a value that stands twice in the text, or inside a word, is none."""
    rows = [
        ("from Rome to Oslo", {"cities": ["Rome", "Oslo"]}),
        ("Rome, Rome", {"cities": ["Rome"]}),
        ("Romeo", {"cities": ["Rome"], "mood": "Romeo-like"}),
    ]
    swapper = ValueSwapper(rows, share=1.0)
    assert 2 == swapper.slots
    for text, target in _variations(swapper, 0, 20):
        assert f"from {target['cities'][0]} to {target['cities'][1]}" == text
    assert [rows[1]] == _variations(swapper, 1, 1)
    assert [rows[2]] == _variations(swapper, 2, 1)


def test_a_field_that_is_not_quoted_is_left_alone():
    """A judgement that now and then stands in the text by chance is no slot."""
    rows = [("bad rent", {"mood": "bad"}), ("late", {"mood": "bad"}), ("fine", {"mood": "good"})]
    assert 0 == ValueSwapper(rows, share=1.0).slots
