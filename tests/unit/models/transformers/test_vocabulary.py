"""Tokens made for training are those the exported file makes in serving, SentencePiece's spaces included."""

import random
from pathlib import Path

import pytest

pytest.importorskip("torch")

from bench import family_tokenizers
from suffice.adapt.decoder.published.families import FAMILIES
from suffice.errors import ArtefactError
from suffice.models.prompt import Part
from suffice.models.transformers.vocabulary import Vocabulary

pytestmark = [pytest.mark.train, pytest.mark.slow]

_CHANCE = random.Random(1)
_WORDS = ["".join(_CHANCE.choices("abcdefghijklmnop", k=_CHANCE.randint(2, 9))) for _ in range(400)]
_TEXTS = [" ".join(_CHANCE.choices(_WORDS, k=8)) for _ in range(300)]


def _vocabulary(name: str, folder: Path) -> Vocabulary:
    family = next(family for family in FAMILIES if family.name == name)
    family_tokenizers.write(family, folder, texts=_TEXTS, data=None)
    return Vocabulary(folder)


def _shown(vocabulary: Vocabulary, parts: list[Part]) -> list[bytes]:
    return [vocabulary.piece(token) for token in vocabulary.tokenize(parts, is_start=False)]


def test_sentencepiece_puts_a_space_before_each_piece_of_text(tmp_path: Path):
    """Phi-3: at the start of every part, and after each control token; control tokens have no bytes."""
    vocabulary = _vocabulary("Phi-3", tmp_path)
    parts = [Part(text="<|user|>\n", is_markup=True), Part(text=_WORDS[0], is_markup=False)]
    assert vocabulary.writes_first_space
    assert b" \n " + _WORDS[0].encode() == b"".join(_shown(vocabulary, parts))


def test_gemma_puts_no_space_of_its_own(tmp_path: Path):
    """What is read is what was written."""
    vocabulary = _vocabulary("Gemma 2", tmp_path)
    parts = [Part(text="<start_of_turn>user\n", is_markup=True), Part(text=_WORDS[0], is_markup=False)]
    assert not vocabulary.writes_first_space
    assert b"user\n" + _WORDS[0].encode() == b"".join(_shown(vocabulary, parts))


@pytest.mark.parametrize("name", ["Phi-3", "Gemma 2", "Qwen2.5"])
def test_a_user_s_control_token_is_mere_text(name, tmp_path: Path):
    """The end token of the family, written by a user, has its bytes and ends nothing."""
    vocabulary = _vocabulary(name, tmp_path)
    end = next(one for one in FAMILIES if one.name == name).stops[-1]
    marked = vocabulary.tokenize([Part(text=end, is_markup=True)], is_start=False)
    said = vocabulary.tokenize([Part(text=end, is_markup=False)], is_start=False)
    assert 1 == len(marked)
    assert not set(marked) & set(said)
    assert end.encode() == b"".join(map(vocabulary.piece, said)).strip()


def test_a_folder_without_tokenizer_is_refused(tmp_path: Path):
    """The error names the folder."""
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ArtefactError, match="no tokenizer that can be loaded"):
        Vocabulary(tmp_path)
