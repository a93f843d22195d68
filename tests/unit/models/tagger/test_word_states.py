"""What an encoder says of words: places, pieces, windows, and that no text depends on those beside it."""

import numpy as np
import pytest

from suffice.adapt.encoder import bert_graph, quantised_body
from suffice.models.embedder import open_session
from suffice.models.tagger.word_states import WordStates
from suffice.models.tagger.words import words_of
from suffice.models.word_pieces import WordPieces
from tests.unit import tiny_encoder


@pytest.fixture(name="source", scope="module")
def _source(tmp_path_factory):
    return tiny_encoder.write_source(tmp_path_factory.mktemp("source"))


@pytest.fixture(name="graph", scope="module")
def _graph():
    """The 8-bit graph of states."""
    weights = tiny_encoder.tensors()
    smoothing = quantised_body.activation_ranges(weights, quantised_body.pseudo_texts(weights))
    return bert_graph.token_graph(weights, smoothing=smoothing)


@pytest.fixture(name="states", scope="module")
def _states(source, graph):
    return WordStates(graph, source.tokenizer)


def read(states, *texts):
    """Returns what is said of the texts' words."""
    return states.read(texts, [words_of(text) for text in texts])


def test_a_words_row_is_the_mean_over_its_pieces(source, graph, states):
    """Letters and digits are two words of one run; what the tokenizer cuts is put together again."""
    text = "My cardz, please5!"
    ids, places = WordPieces(source.tokenizer).placed(text)
    numbers = open_session(graph, threads=1).run(None, {"input_ids": np.array([[2, *ids, 3]])})[0][0, 1:-1]
    said = read(states, text)[0]
    expected = [
        numbers[(places[:, 0] < word.end) & (places[:, 1] > word.start)].mean(axis=0)
        for word in words_of(text)
    ]
    assert ["my", "cardz", ",", "please", "5", "!"] == [word.form for word in words_of(text)]
    np.testing.assert_allclose(np.array(expected), said.rows, atol=1e-6)
    assert len(ids) + 2 == said.tokens_read


def test_rows_do_not_depend_on_the_texts_beside(states):
    """Alone or among others of other lengths: the same numbers."""
    texts = ["my card", "how much is my balance today", "lost", "send money to paris please", "hello thanks"]
    for text, among in zip(texts, read(states, *texts), strict=True):
        np.testing.assert_allclose(read(states, text)[0].rows, among.rows, atol=1e-5)


def test_texts_without_words_have_no_rows(states):
    """Nothing is computed for them."""
    assert [(0, states.width), (0, states.width)] == [said.rows.shape for said in read(states, "", "  \n")]
    assert [] == read(states)


def test_what_has_no_piece_has_zeros(states):
    """A sign that the tokenizer drops speaks for no tag."""
    rows = read(states, "card \x00 lost")[0].rows
    assert len(words_of("card \x00 lost")) == len(rows)
    assert [True, False, True] == rows.any(axis=1).tolist()


def test_a_long_text_is_read_in_windows(states):
    """Every word of 600 has its numbers, each from the window in which it lies deepest."""
    words = ["my", "card", "is", "lost"] * 150
    text = " ".join(words)
    said = read(states, text)[0]
    assert len(words) == len(said.rows)
    assert said.rows.any(axis=1).all()
    # The first window is the first 254 words alone; it gives its first 222.
    np.testing.assert_allclose(read(states, " ".join(words[:254]))[0].rows[:222], said.rows[:222], atol=1e-5)
    # The second begins at 190 and gives from 222 on.
    second = read(states, " ".join(words[190:444]))[0].rows
    np.testing.assert_allclose(second[32:222], said.rows[222:412], atol=1e-5)
    assert 600 + 2 * 64 + 3 * 2 == said.tokens_read


def test_a_text_beyond_16_windows_says_how_far_it_was_read(states):
    """3,104 pieces are read; the rows that are missing tell."""
    assert 3104 == len(read(states, "card " * 4000)[0].rows)
    assert 0 == len(read(states, "q" * 3 + "日" * 4000)[0].rows)


def test_half_characters_keep_the_places(source):
    """A lone surrogate is one sign for one."""
    _, places = WordPieces(source.tokenizer).placed("a \ud800 card")
    assert [[0, 1], [2, 3], [4, 8]] == places.tolist()
