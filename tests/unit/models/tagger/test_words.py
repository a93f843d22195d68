"""Words, lexicon and the object that is put together."""

import pytest

from suffice.models.tagger import frame
from suffice.models.tagger.frame import Field
from suffice.models.tagger.lexicon import lexicon_of, spans
from suffice.models.tagger.words import features, words_of


def test_words_keep_their_places():
    """Letters, digits and signs stand apart; case is kept in the shape alone."""
    found = words_of("At 5pm, R&B NAïve")
    assert ["at", "5", "pm", ",", "r", "&", "b", "naïve"] == [word.form for word in found]
    assert ["Xx", "0", "x", ",", "I", "&", "I", "xX"] == [word.shape for word in found]
    assert "5pm" == "At 5pm, R&B NAïve"[found[1].start : found[2].end]


def test_spans_of_tags():
    """A value ends before the next one, outside, or at the end of the text."""
    tags = ["O", "B-0", "I-0", "B-0", "O", "B-1"]
    assert [("0", 1, 3), ("0", 3, 4), ("1", 5, 6)] == spans(tags)


def test_the_lexicon_does_not_count_a_texts_own_values():
    """In training, a value seen once is unknown: else only what was seen would be trusted."""
    lexicon = lexicon_of(
        [(["to", "rome"], ["O", "B-0"]), (["to", "oslo"], ["O", "B-0"]), (["to", "oslo"], ["O", "B-0"])]
    )
    assert [[], []] == lexicon.phrases(["to", "rome"], known=True)
    assert [[], ["B0 1", "E0 1"]] == lexicon.phrases(["to", "rome"], known=False)
    assert [[], ["B0 1", "E0 1"]] == lexicon.phrases(["to", "oslo"], known=True)


def test_carriers_are_found_on_both_sides():
    """Words that are mostly outside of values frame what is between them."""
    rows = [(["play", f"x{i}", "now"], ["O", "B-0", "O"]) for i in range(6)]
    lexicon = lexicon_of(rows)
    assert {"play", "now"} == lexicon.outside
    assert [("", "now"), ("play", "now"), ("play", "now"), ("play", "")] == lexicon.carriers(
        ["play", "a", "b", "now"]
    )


def test_equal_texts_have_equal_features():
    """A feature is a hash that no run changes."""
    assert features(words_of("to Rome"), lexicon_of([])) == features(words_of("to Rome"), lexicon_of([]))
    assert features(words_of("a"), lexicon_of([]))[0][0] == 2212294583  # crc32 of "1"


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("x", "string", "x"),
        ("7", "integer", 7),
        ("7.5", "number", 7.5),
        ("seven", "integer", None),
        ("\ud800", "string", "?"),
    ],
)
def test_a_spans_text_becomes_a_value_of_its_type(text, kind, value):
    """A number that is none is left out; half characters do not reach the answer."""
    assert value == frame.value_of(text, Field(path=("a",), source="span", type=kind))


def test_an_object_is_built_from_its_leaves():
    """Paths become inner objects; inner objects that always stand do so when empty."""
    value = frame.built([(("a", "b"), 1), (("c",), "x")], [("a",), ("d",)])
    assert {"a": {"b": 1}, "d": {}, "c": "x"} == value
    assert [(("a", "b"), 1), (("c",), "x")] == list(frame.leaves(value))
    assert frame.same({"a": "x  y", "b": None}, {"a": "x y"})
    assert not frame.same({"a": "x"}, {"a": "y"})
