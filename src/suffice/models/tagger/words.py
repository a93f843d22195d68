"""A text as words with their places, and what speaks for a word's tag: hashed features around it."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from suffice.models.tagger.lexicon import Lexicon

# Stored with each model: weights learnt under one scheme mean nothing under another.
SCHEME = 1

# Letters, digits and signs stand apart, so that "5pm" and "R&B" can be cut where a value ends.
_WORD = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")
_LONGEST_AFFIX = 4


@dataclass(frozen=True, slots=True)
class Word:
    """One word: its lower-case form, its shape, and its place [start, end) in the text."""

    form: str
    shape: str
    start: int
    end: int


def words_of(text: str) -> list[Word]:
    """Returns a text's words, numbers and signs in order."""
    return [
        Word(match.group().casefold(), _shape(match.group()), match.start(), match.end())
        for match in _WORD.finditer(text)
    ]


def features(words: Sequence[Word], lexicon: Lexicon, *, known: bool = False) -> list[list[int]]:
    """Returns each word's features as 32-bit hashes.

    `known`: the text is one the lexicon was made of, so what only this text says is left out.
    """
    forms = [word.form for word in words]
    shapes = [word.shape for word in words]
    n = len(words)
    padded = ["<3", "<2", "<1", *forms, ">1", ">2", ">3"]
    kinds = ["<2", "<1", *shapes, ">1", ">2"]
    carriers = lexicon.carriers(forms)
    phrases = lexicon.phrases(forms, known=known)
    found = []
    for place in range(n):
        before3, before2, before, form, after, after2, after3 = padded[place : place + 7]
        shape_before, shape, shape_after = kinds[place + 1 : place + 4]
        left, right = carriers[place]
        parts = [
            "1",
            f"w{form}", f"v{before}", f"x{after}", f"u{before2}", f"y{after2}", f"t{before3}", f"z{after3}",
            f"a{before} {form}", f"b{form} {after}", f"c{before} {after}",
            f"d{before2} {before}", f"e{after} {after2}", f"f{before2} {before} {form}",
            f"g{form} {after} {after2}",
            f"s{shape}", f"r{shape_before} {shape}", f"q{shape} {shape_after}",
            f"l{left}", f"m{right}", f"n{left} {right}",
        ]  # fmt: skip
        for size in range(1, min(_LONGEST_AFFIX, len(form)) + 1):
            parts += (f"p{form[:size]}", f"o{form[-size:]}")
        if place == 0:
            parts.append("first")
        if place == n - 1:
            parts.append("last")
        parts += phrases[place]
        found.append([_hashed(part) for part in parts])
    return found


def framing_features(word: Word, category: str) -> list[int]:
    """Returns the features that say in which category of object a word stands."""
    return [_hashed(f"j{category}"), _hashed(f"k{category} {word.form}")]


def _hashed(part: str) -> int:
    return zlib.crc32(part.encode("utf-8", "surrogatepass"))


def _shape(word: str) -> str:
    """Returns X, x, Xx, xX, 0..., or the sign itself."""
    if word.isdigit():
        return "0" * min(len(word), 4)
    if not word.isalpha():
        return word
    if word.islower():
        return "x"
    if word.isupper():
        return "X" if len(word) > 1 else "I"
    return "Xx" if word[0].isupper() and word[1:].islower() else "xX"
