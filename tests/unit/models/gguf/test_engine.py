"""The engine reads what it is given, wherever the reading was begun, and refuses what it cannot serve."""

import struct
from pathlib import Path

import numpy as np
import pytest

from suffice.errors import ArtefactError, MissingExtra, ModelError, SpecError
from suffice.models.engine import Grammar, Piece, misfit
from suffice.models.gguf import header, library
from suffice.models.gguf.engine import LlamaEngine
from suffice.models.gguf.tensor_types import TENSOR_TYPES
from suffice.models.prompt import Part
from tests.unit.models.gguf import tiny_gguf

WORDS = "the card and the refund are lost"


def tokens_of(engine: LlamaEngine, text: str) -> list[int]:
    """Returns a text's tokens as a document's."""
    return engine.tokenize([Part(text=text, is_markup=False)], is_start=False)


def read(engine: LlamaEngine, tokens: list[int], *, wanted: int = 1) -> np.ndarray:
    """Returns the logits of a sequence that is read at once and dropped."""
    sequence = engine.open()
    rows = engine.extend([Piece(sequence=sequence, tokens=tokens, wanted=wanted)])[0]
    engine.drop(sequence)
    return rows


def test_sizes_of_tensor_types_are_the_librarys():
    """The header's check counts bytes as llama.cpp does."""
    pytest.importorskip("xllamacpp")
    loaded = library.load()
    expected = {kind: (loaded.ggml_blck_size(kind), loaded.ggml_type_size(kind)) for kind in TENSOR_TYPES}
    assert expected == {kind: (block, size) for kind, (_, block, size) in TENSOR_TYPES.items()}


def test_another_version_of_the_package_is_refused(monkeypatch):
    """Struct layouts belong to one version; the error names it."""
    pytest.importorskip("xllamacpp")
    monkeypatch.setattr(library, "VERSION", "1.2.3")
    with pytest.raises(MissingExtra, match=r"1\.2\.3"):
        library.load.__wrapped__()


def test_a_shifted_struct_is_refused():
    """A library whose defaults are not where they should be has another layout."""
    with pytest.raises(MissingExtra, match="n_ctx"):
        library._check(library.ContextParams(n_ctx=7), {"n_ctx": 512})


def test_text_survives_the_tokenizer(engine: LlamaEngine):
    """Tokens' bytes joined are the text, whatever is in it."""
    for text in (WORDS, "naïve café 日本語 🙂", "NUL \x00 in the middle", "\u202e", "x" * 500):
        tokens = tokens_of(engine, text)
        assert text.encode() == b"".join(engine.piece(token) for token in tokens)


def test_control_tokens_count_in_markup_alone(engine: LlamaEngine):
    """A document that writes an end token is read as letters."""
    text = tiny_gguf.END_OF_TURN
    assert [3] == engine.tokenize([Part(text=text, is_markup=True)], is_start=False)
    assert 3 not in tokens_of(engine, text)
    assert {1, 3} == engine.end_tokens


def test_the_first_token_comes_once(engine: LlamaEngine):
    """The file asks for a first token; a template that writes it itself gets no second one."""
    assert [0] == engine.tokenize([], is_start=True)
    assert [0] == engine.tokenize([Part(text=tiny_gguf.BOS, is_markup=True)], is_start=True)


def test_a_shared_beginning_changes_nothing(engine: LlamaEngine):
    """Logits after a copied prefix, alone or in company, are those of reading everything at once."""
    prefix = tokens_of(engine, WORDS)
    endings = [tokens_of(engine, text) for text in ("card", " refund the", "a")]
    parent = engine.open()
    engine.extend([Piece(sequence=parent, tokens=prefix)])
    children = [engine.open(parent) for _ in endings]
    pieces = [Piece(sequence=child, tokens=tokens) for child, tokens in zip(children, endings, strict=True)]
    together = engine.extend(pieces)
    for rows, ending in zip(together, endings, strict=True):
        np.testing.assert_allclose(read(engine, prefix + ending), rows, atol=2e-3)
    for sequence in (parent, *children):
        engine.drop(sequence)


def test_company_changes_nothing(engine: LlamaEngine):
    """The logits of a text are the same to rounding, whatever is read in the same pass."""
    rng = np.random.default_rng(0)
    texts = [[int(token) for token in rng.integers(4, 280, size=size)] for size in (5, 60, 17, 33, 8, 50)]
    sequences = [engine.open() for _ in texts]
    pieces = [Piece(sequence=one, tokens=tokens) for one, tokens in zip(sequences, texts, strict=True)]
    for tokens, rows in zip(texts, engine.extend(pieces), strict=True):
        np.testing.assert_allclose(read(engine, tokens), rows, atol=2e-5)
    for sequence in sequences:
        engine.drop(sequence)


def test_company_changes_not_one_bit_of_integer_weights(tmp_path: Path):
    """Whatever is in the pass or in memory, read token by token or at once.

    A sum that differs in its last bit may round to another integer, which moves logits by a hundredth.
    """
    path = tiny_gguf.write_byte_bpe(tmp_path / "model.gguf", is_quantised=True)
    engine = LlamaEngine(path)
    rng = np.random.default_rng(0)
    sizes = (25, 60, 17, 33, 8, 70, 100, 200, 200)
    texts = [[int(token) for token in rng.integers(4, 280, size=size)] for size in sizes]
    alone = [read(engine, tokens) for tokens in texts]
    sequences = [engine.open() for _ in texts]
    pieces = [Piece(sequence=one, tokens=tokens) for one, tokens in zip(sequences, texts, strict=True)]
    for expected, rows in zip(alone, engine.extend(pieces), strict=True):
        np.testing.assert_array_equal(expected, rows)
    late = engine.open()  # its cells come after more than 512 others
    for token in texts[0]:
        (rows,) = engine.extend([Piece(sequence=late, tokens=[token])])
    np.testing.assert_array_equal(alone[0], rows)
    engine.close()


def test_long_input_is_read_in_several_passes(engine: LlamaEngine):
    """More wanted logits than one pass gives come in order."""
    tokens = (tokens_of(engine, WORDS) * 20)[:150]
    rows = read(engine, tokens, wanted=150)
    for place in (0, 63, 64, 149):
        np.testing.assert_allclose(read(engine, tokens[: place + 1])[0], rows[place], atol=2e-3)


def test_a_cut_sequence_goes_on_from_there(engine: LlamaEngine):
    """What was cut leaves no trace."""
    tokens = tokens_of(engine, WORDS)
    sequence = engine.open()
    engine.extend([Piece(sequence=sequence, tokens=[*tokens[:4], 9, 10, 11])])
    engine.cut(sequence, 4)
    assert 4 == engine.length(sequence)
    rows = engine.extend([Piece(sequence=sequence, tokens=tokens[4:])])[0]
    np.testing.assert_allclose(read(engine, tokens), rows, atol=2e-3)
    engine.drop(sequence)


def test_too_much_at_once_is_an_error_that_changes_nothing(engine: LlamaEngine):
    """More tokens than there are cells are refused, and the sequence is as before."""
    sequence = engine.open()
    engine.extend([Piece(sequence=sequence, tokens=[5, 6, 7])])
    with pytest.raises(ModelError, match="could not read"):
        engine.extend([Piece(sequence=sequence, tokens=[5] * (engine.cells + 1))])
    assert 3 == engine.length(sequence)
    rows = engine.extend([Piece(sequence=sequence, tokens=[8])])[0]
    np.testing.assert_allclose(read(engine, [5, 6, 7, 8]), rows, atol=2e-3)
    engine.drop(sequence)


def test_sequences_run_out_with_an_error(engine: LlamaEngine):
    """One sequence too many is named, and those open are still good."""
    opened = [engine.open() for _ in range(engine.sequences)]
    with pytest.raises(ModelError, match="sequences"):
        engine.open()
    for sequence in opened:
        engine.drop(sequence)


def test_embeddings_are_unit_vectors_of_their_text(engine: LlamaEngine):
    """A text has the same vector in any company, and another text another one."""
    texts = [tokens_of(engine, text) for text in (WORDS, "refund", WORDS, "card " * 60)]
    vectors = engine.embed(texts)
    np.testing.assert_allclose(1.0, np.linalg.norm(vectors, axis=1), atol=1e-6)
    np.testing.assert_allclose(vectors[0], vectors[2], atol=1e-6)
    np.testing.assert_allclose(vectors[1], engine.embed([texts[1]])[0], atol=1e-5)
    assert vectors[0] @ vectors[1] < 0.999
    assert (0, tiny_gguf.EMBEDDING) == engine.embed([]).shape


def test_what_does_not_fit_is_said_with_both_numbers(engine: LlamaEngine):
    """The context is never silently cut."""
    assert misfit(engine, prompt_tokens=500, answer_tokens=12) is None
    assert "513" in str(misfit(engine, prompt_tokens=500, answer_tokens=13))
    assert "512" in str(misfit(engine, prompt_tokens=500, answer_tokens=13))


def test_a_lower_limit_of_the_context_is_kept(tmp_path: Path):
    """The stated number of tokens counts, at most the trained one."""
    path = tiny_gguf.write_byte_bpe(tmp_path / "model.gguf")
    for asked, given in ((100, 100), (10_000, tiny_gguf.CONTEXT), (None, tiny_gguf.CONTEXT)):
        engine = LlamaEngine(path, context_tokens=asked)
        assert given == engine.context_tokens
        engine.close()
        engine.close()


def test_sentencepiece_answers_have_a_space_in_front(tmp_path: Path):
    """A SentencePiece tokenizer writes a space before each text; byte-level BPE does not."""
    engine = LlamaEngine(tiny_gguf.write_spm(tmp_path / "model.gguf"))
    assert engine.writes_first_space
    assert b" the" == b"".join(engine.piece(token) for token in tokens_of(engine, "the"))
    engine.close()


def test_the_files_chat_template_is_found_or_missed(engine: LlamaEngine, tmp_path: Path):
    """A tokenizer that was never taught to chat says so."""
    chatty = LlamaEngine(tiny_gguf.write_byte_bpe(tmp_path / "model.gguf", template="{{ messages }}"))
    assert "{{ messages }}" == chatty.chat_template
    chatty.close()
    with pytest.raises(ArtefactError, match="no chat template"):
        _ = engine.chat_template


def test_a_file_without_its_tensors_is_refused_in_words(tmp_path: Path):
    """What llama.cpp says about a file that it cannot load comes as one error."""
    path = tiny_gguf.write_byte_bpe(tmp_path / "model.gguf")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"blk.1.ffn_up.weight", b"blk.1.ffn_xx.weight"))
    with pytest.raises(ArtefactError, match="cannot load it"):
        LlamaEngine(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("llama.block_count", struct.pack("<I", 0)),
        ("llama.block_count", struct.pack("<I", 1 << 31)),
        ("llama.context_length", struct.pack("<I", 0)),
        ("llama.context_length", struct.pack("<I", (1 << 32) - 1)),
        ("llama.attention.layer_norm_rms_epsilon", struct.pack("<f", float("nan"))),
        ("llama.attention.layer_norm_rms_epsilon", struct.pack("<f", -1.0)),
    ],
)
def test_numbers_that_would_end_the_process_are_refused(key: str, value: bytes, tmp_path: Path):
    """llama.cpp aborts on them; here they are an error that names the key."""
    path = tiny_gguf.write_byte_bpe(tmp_path / "model.gguf")
    data = bytearray(path.read_bytes())
    at = data.index(key.encode()) + len(key) + 4
    data[at : at + 4] = value
    path.write_bytes(data)
    with pytest.raises(ArtefactError, match=key):
        LlamaEngine(path)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path):
    """They would end the process in the first pass."""
    path = tiny_gguf.write_byte_bpe(tmp_path / "model.gguf")
    place = next(one for one in header.read(path).tensors if one.name == "blk.0.attn_q.weight")
    data = bytearray(path.read_bytes())
    data[place.start : place.start + 4] = struct.pack("<f", float("nan"))
    path.write_bytes(data)
    with pytest.raises(ArtefactError, match="cannot load it"):
        LlamaEngine(path)


def test_states_that_cannot_be_shared_are_refused(tmp_path: Path):
    """A recurrent architecture is named, and not served wrongly."""
    path = tiny_gguf.write_byte_bpe(tmp_path / "model.gguf")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"llama", b"mamba"))
    with pytest.raises(ArtefactError, match="mamba"):
        LlamaEngine(path)


@pytest.mark.parametrize(
    "grammar",
    [
        Grammar(kind="gbnf", text="root ::= ("),
        Grammar(kind="lark", text="start: ("),
        Grammar(kind="regex", text="("),
        Grammar(kind="json", text='{"type": "nothing"}'),
    ],
)
def test_a_grammar_that_is_none_is_refused(grammar: Grammar, engine: LlamaEngine):
    """The reason is the grammar engine's own."""
    with pytest.raises(SpecError, match=r"grammar"):
        engine.constrain(grammar)
