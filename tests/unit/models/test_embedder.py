"""Texts become unit vectors, whatever the text, and no text is cut in silence."""

from pathlib import Path

import numpy as np
import pytest

from suffice.errors import ArtefactError
from suffice.models.embedder import ENCODER_FILE, MAX_WINDOWS, TOKENIZER_FILE, Embedder
from tests.unit import tiny_encoder


@pytest.fixture(name="body", scope="module")
def _body(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_encoder.write_body(tmp_path_factory.mktemp("encoder"))


def test_vectors_have_length_one(body: Path) -> None:
    """Every text, an empty one too, gets a vector of length 1."""
    vectors = Embedder(body).embed(["lost my card", "", "hello"]).vectors
    assert (3, tiny_encoder.WIDTH) == vectors.shape
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_no_texts_give_no_vectors(body: Path) -> None:
    """An empty batch is answered by an empty array."""
    assert (0, tiny_encoder.WIDTH) == Embedder(body).embed([]).vectors.shape
    assert (0, tiny_encoder.WIDTH) == Embedder(body, cache_texts=9).embed([]).vectors.shape


def test_vector_does_not_depend_on_the_batch(body: Path) -> None:
    """A text's vector is the same alone and beside others of any length."""
    embedder = Embedder(body)
    texts = ["lost card", "how much is my balance please", "hello", "will it rain in paris tomorrow"] * 20
    together = embedder.embed(texts).vectors
    alone = np.concatenate([embedder.embed([text]).vectors for text in texts])
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_tokenizer_neither_pads_nor_cuts(body: Path) -> None:
    """The file's fixed padding to 128 is switched off: a word costs three tokens."""
    assert [3] == Embedder(body).embed(["hello"]).tokens_read.tolist()


def test_long_text_is_read_in_windows_and_said_so(body: Path) -> None:
    """A text beyond 256 tokens is read whole in windows, with a note."""
    embedded = Embedder(body).embed(["hello " * 300])
    assert [300 + 4] == embedded.tokens_read.tolist()
    assert (("read 300 tokens in 2 windows",),) == embedded.notes


def test_text_beyond_all_windows_says_what_was_not_read(body: Path) -> None:
    """Beyond eight windows the rest is left out, and the note tells how much was read."""
    embedded = Embedder(body).embed(["hello " * 3000])
    assert [256 * MAX_WINDOWS] == embedded.tokens_read.tolist()
    assert (("read the first 2032 of 3000 tokens; the rest was not read",),) == embedded.notes


def test_windows_are_averaged_by_length(body: Path) -> None:
    """The vector of a long text of one repeated word is near the vector of its full window."""
    embedder = Embedder(body)
    whole = embedder.embed(["hello " * 508, "hello " * 254]).vectors
    assert float(whole[0] @ whole[1]) > 0.9999


@pytest.mark.parametrize(
    "text", ["\0", "\ud800 lost card", "🙂" * 50, "x" * 1_000_000, "a\u0301" * 20_000, "\u202e"]
)
def test_strange_texts_get_vectors(body: Path, text: str) -> None:
    """NUL, lone surrogates, emoji, megabytes and combining signs neither fail nor take unbounded time."""
    vectors = Embedder(body).embed([text]).vectors
    assert bool(np.isfinite(vectors).all())


def test_megabyte_text_says_it_was_not_read_whole(body: Path) -> None:
    """Text beyond the character limit is announced in the note."""
    (note,) = Embedder(body).embed(["hello " * 200_000]).notes[0]
    assert "of 1200000 characters; the rest was not read" in note


def test_cache_returns_the_same_vectors(body: Path) -> None:
    """With a cache smaller than the batch the answers are those without one, in order."""
    texts = ["lost card", "hello", "lost card", "weather today", "hello"]
    plain, cached = Embedder(body), Embedder(body, cache_texts=2)
    for _ in range(2):
        np.testing.assert_allclose(plain.embed(texts).vectors, cached.embed(texts).vectors, atol=1e-6)


@pytest.mark.parametrize("name", [ENCODER_FILE, TOKENIZER_FILE])
@pytest.mark.parametrize("damage", ["cut", "gone", "rubbish"])
def test_damaged_files_are_artefact_errors(tmp_path: Path, body: Path, name: str, damage: str) -> None:
    """A cut, absent or foreign file is an error that names it, not a crash."""
    for file in (ENCODER_FILE, TOKENIZER_FILE):
        (tmp_path / file).write_bytes((body / file).read_bytes())
    data = (body / name).read_bytes()
    if damage == "gone":
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(data[: len(data) // 2] if damage == "cut" else b"rubbish")
    with pytest.raises(ArtefactError, match=name):
        Embedder(tmp_path)


def test_vectors_do_not_depend_on_the_threads(body: Path) -> None:
    """One thread and two give the same bits: what is certified on one machine is served on another."""
    texts = ["lost card", "how much is my balance please", "hello " * 300] * 9
    one, two = (Embedder(body, threads=threads).embed(texts).vectors for threads in (1, 2))
    np.testing.assert_array_equal(one, two)
