"""A label's score is that of reading it whole, however much of the reading is shared, batched or left out."""

import numpy as np
import pytest

from suffice.errors import ModelError
from suffice.models.decode.choose import Chooser
from suffice.models.engine import Piece, Root
from suffice.models.gguf.engine import LlamaEngine
from suffice.models.prompt import Part

# Shared beginnings of one and of several tokens, a label that begins another, and some on their own.
LABELS = ("card", "card lost", "card and refund", "card and fun", "refund", "the", "another one", "x")
DOCUMENTS = ["the card and the refund", "lost", "a refund for the lost card and an", "re", "on the in"] * 8
# In 16-bit keys and values: reading a label token by token or at once differs by this much.
TOLERANCE = 4e-3


def tokens_of(engine: LlamaEngine, text: str, *, is_start: bool = False) -> list[int]:
    """Returns a text's tokens."""
    return engine.tokenize([Part(text=text, is_markup=False)], is_start=is_start)


def one_by_one(engine: LlamaEngine, prompt: list[int], answer: list[int]) -> list[float]:
    """Returns the log-probability of each of an answer's tokens, read for itself."""
    sequence = engine.open()
    logits = engine.extend([Piece(sequence=sequence, tokens=prompt + answer[:-1], wanted=len(answer))])[0]
    engine.drop(sequence)
    rows = logits.astype(np.float64)
    return [row[token] - np.logaddexp.reduce(row) for row, token in zip(rows, answer, strict=True)]


@pytest.fixture(name="root")
def _root(engine: LlamaEngine):
    prefix = tokens_of(engine, "Which of the labels is it? ", is_start=True)
    sequence = engine.open()
    engine.extend([Piece(sequence=sequence, tokens=prefix)])
    yield prefix, Root(sequence=sequence, length=len(prefix))
    engine.drop(sequence)


def documents_of(engine: LlamaEngine) -> list[list[int]]:
    """Returns the documents' tokens, with their mark."""
    return [tokens_of(engine, f"{text}\n=>\n") for text in DOCUMENTS]


@pytest.mark.parametrize("prune", [0.0, 1e-6])
def test_whole_labels_score_as_if_each_were_read_alone(engine: LlamaEngine, root, prune: float):
    """All tokens with the end token: sums of log-probabilities, to the stated tolerance."""
    prefix, shared = root
    answers = [tokens_of(engine, label) for label in LABELS]
    chooser = Chooser(engine, LABELS, answers, root=shared, reading="whole", prune=prune)
    documents = documents_of(engine)
    found = chooser.score(documents).log_probabilities
    assert not chooser.is_one_pass
    for row in range(5):
        expected = [
            sum(one_by_one(engine, prefix + documents[row], [*answer, engine.end_token]))
            for answer in answers
        ]
        if prune:
            likely = np.array(expected) > max(expected) - 10
            np.testing.assert_allclose(np.array(expected)[likely], found[row][likely], atol=TOLERANCE)
        else:
            np.testing.assert_allclose(expected, found[row], atol=TOLERANCE)
        assert int(np.argmax(expected)) == int(found[row].argmax())


def test_labels_read_to_where_they_differ_score_as_those_tokens_read_alone(engine: LlamaEngine, root):
    """The sum stops at the first token that no other label has there."""
    prefix, shared = root
    answers = [tokens_of(engine, label) for label in LABELS]
    chooser = Chooser(engine, LABELS, answers, root=shared, prune=0.0)
    documents = documents_of(engine)[:5]
    found = chooser.score(documents).log_probabilities
    whole = [[*answer, engine.end_token] for answer in answers]
    for row, document in enumerate(documents):
        for index, answer in enumerate(whole):
            rivals = whole[:index] + whole[index + 1 :]
            size = next(n for n in range(1, 99) if not any(answer[:n] == rival[:n] for rival in rivals))
            expected = sum(one_by_one(engine, prefix + document, answer[:size]))
            assert pytest.approx(expected, abs=TOLERANCE) == found[row, index]


def test_distinct_first_tokens_take_one_pass(engine: LlamaEngine, root):
    """Codes of one token each are read from the document's own pass."""
    prefix, shared = root
    codes = [tokens_of(engine, letter) for letter in "ABCDEF"]
    chooser = Chooser(engine, "ABCDEF", codes, root=shared)
    assert chooser.is_one_pass
    documents = documents_of(engine)[:5]
    said = chooser.score(documents)
    for row, document in enumerate(documents):
        expected = [one_by_one(engine, prefix + document, code)[0] for code in codes]
        np.testing.assert_allclose(expected, said.log_probabilities[row], atol=TOLERANCE)


def test_company_and_order_change_nothing(engine: LlamaEngine, root):
    """A document's scores are those it has alone, in any batch; probabilities to 1e-5."""
    _, shared = root
    chooser = Chooser(engine, LABELS, [tokens_of(engine, label) for label in LABELS], root=shared)
    documents = documents_of(engine)
    together = chooser.score(documents)
    backwards = chooser.score(documents[::-1])
    np.testing.assert_allclose(
        np.exp(together.log_probabilities), np.exp(backwards.log_probabilities[::-1]), atol=1e-5
    )
    for row in range(5):
        alone = chooser.score([documents[row]])
        np.testing.assert_allclose(
            np.exp(alone.log_probabilities[0]), np.exp(together.log_probabilities[row]), atol=1e-5
        )
        np.testing.assert_allclose(alone.top_logits[0], together.top_logits[row], atol=1e-3)
    assert (0, len(LABELS)) == chooser.score([]).log_probabilities.shape


def test_sequences_are_given_back(engine: LlamaEngine, root):
    """However often one asks, no sequence is lost; a document that does not fit harms none."""
    _, shared = root
    chooser = Chooser(engine, LABELS, [tokens_of(engine, label) for label in LABELS], root=shared)
    documents = documents_of(engine)
    for _ in range(3):
        chooser.score(documents)
        with pytest.raises(ModelError, match="context holds 512"):
            chooser.score([documents[0], [7] * 600])
    opened = [engine.open() for _ in range(engine.sequences - 1)]
    for sequence in opened:
        engine.drop(sequence)
