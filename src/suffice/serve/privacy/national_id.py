"""Finds numbers that states give to people: by shape, checksum, and words near where the checksum is weak.

`share` of a kind is the share of random numbers of its shape that pass its check (measured over 200,000,
docs/privacy.md). Up to 0.02 the check alone counts; up to 0.1 it does in a text that speaks of somebody's
papers; else a word such as "SSN" must stand near, or the number be written the way only this kind is.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from stdnum.br import cpf
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.in_ import aadhaar
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.pl import pesel
from stdnum.us import ssn

from suffice.serve.privacy.find import Find
from suffice.serve.privacy.numbers import Run, Tick, around

_S = r"[ .\-/\n\r\t_]{0,3}"
_BOUNDS = r"(?<![0-9A-Za-z])(?<![0-9][.,]){}(?![0-9A-Za-z])"
_WEAK, _WEAKER = 0.02, 0.1
# Said of people who show who they are, and hardly of orders; in the languages of the countries below.
_OF_PAPERS = re.compile(
    r"passport|national id|identity|citizen|date of birth|\bborn (?:on|in)\b|insured|applicant|taxpayer"
    r"|patient|personal number|ausweis|geboren|versicherte|reisepass|geboorte|identiteits|paspoort|pacjent"
    r"|urodzon|dow[oó]d|né\(e\)|assuré|nacimiento|pasaporte|documento de identidad|cadastro|आधार|nascita"
)
_NEAR = 8  # signs that may stand before a run's first digit and belong to the number
_PUNCTUATION = re.compile(r"[^0-9A-Za-z]")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of number: shape, check, how much of random passes, and what makes up for a weak check."""

    country: str
    shape: re.Pattern[str]
    check: Callable[[str], bool]
    share: float
    digits: int  # at least so many stand in a run
    words: re.Pattern[str] | None = None
    written: re.Pattern[str] | None = None


def _kind(
    country: str, shape: str, check: Callable[[str], bool], share: float, **more: str | int | None
) -> Kind:
    """Returns a kind whose patterns are written as text."""
    words, written, digits = more.get("words"), more.get("written"), more["digits"]
    return Kind(
        country=country,
        shape=re.compile(_BOUNDS.format(f"(?:{shape})")),
        check=check,
        share=share,
        digits=int(digits or 0),
        words=re.compile(rf"\b(?:{words})|_(?:{words})") if words else None,
        written=re.compile(str(written)) if written else None,
    )


def _spaced(digits: int) -> str:
    """Returns a pattern for so many digits, with or without separators."""
    return rf"[0-9](?:{_S}[0-9]){{{digits - 1}}}"


def _any(number: str) -> bool:
    """Says yes: the kind has no checksum, its shape is all there is."""
    return bool(number)


# National Insurance numbers: HMRC's manual NIM39110; python-stdnum has none, for they have no checksum.
_NINO = (
    rf"(?!(?i:BG|GB|NK|KN|TN|NT|ZZ))(?i:[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]){_S}{_spaced(6)}{_S}(?i:[A-D])"
)
_NIR = rf"[1-478]{_S}[0-9]{_S}[0-9]{_S}[0-9]{_S}[0-9]{_S}[0-9]{_S}[0-9ABab]{_S}{_spaced(8)}"
_DNI = r"(?:\d{8}|\d\d\.\d{3}\.\d{3})(?:-?[A-Za-z]| [A-Z])"
_SSN_WORDS = r"ssn|ssns|social[ _-]?sec|soc\.? sec|itin\b|tax ?id|taxpayer"

KINDS = (
    _kind("US", _spaced(9), ssn.is_valid, 0.889, digits=9, words=_SSN_WORDS, written=r"\d{3}-\d\d-\d{4}"),
    _kind("GB", _NINO, _any, 0.085, digits=6, written=r"(?i:[A-Z]{2} ?(?:\d\d ?){3}[A-D])"),
    _kind(
        "GB",
        _spaced(10),
        nhs.is_valid,
        0.091,
        digits=10,
        words=r"nhs|national health|patient|health ?(?:no|num)",
    ),
    _kind("DE", _spaced(11), idnr.is_valid, 0.0034, digits=11),
    _kind("FR", _NIR, nir.is_valid, 0.0105, digits=6),
    _kind("ES", rf"{_spaced(8)}{_S}[A-Za-z]", dni.is_valid, 0.039, digits=8, written=_DNI),
    _kind("ES", rf"[XYZxyz]{_S}{_spaced(7)}{_S}[A-Za-z]", nie.is_valid, 0.038, digits=7, written=r"[\s\S]*"),
    _kind("NL", _spaced(9), bsn.is_valid, 0.091, digits=9, words=r"bsn|burgerservice|sofi|citizen service"),
    _kind(
        "PL", _spaced(11), pesel.is_valid, 0.019, digits=11, words=r"pesel|numer ewiden|id number|national id"
    ),
    _kind("BR", _spaced(11), cpf.is_valid, 0.0099, digits=11),
    _kind(
        "IN",
        _spaced(12),
        aadhaar.is_valid,
        0.081,
        digits=12,
        words=r"aad?ha?ar|uidai|uid\b|आधार",
        written=r"\d{4} \d{4} \d{4}",
    ),
)
# An Italian tax code has no six digits in a row, so it is looked for by itself; random ones pass once in 26.
_FISCAL = re.compile(
    r"[0-9](?<=[A-Za-z]{6}[0-9])[0-9][A-EHLMPRSTa-ehlmprst][0-9LMNP-Vlmnp-v]{2}[A-Za-z][0-9LMNP-Vlmnp-v]{3}[A-Za-z]"
)
_FISCAL_LETTERS = 6


def kinds_of(countries: Iterable[str]) -> tuple[Kind, ...]:
    """Returns the kinds of some countries, those with the fewest digits first."""
    wanted = set(countries)
    return tuple(sorted((kind for kind in KINDS if kind.country in wanted), key=lambda kind: kind.digits))


def national_ids(run: Run, kinds: Iterable[Kind], lead: str) -> Iterator[Find]:
    """Returns the national ids in and around a run of digits."""
    text = run.text
    count = sum(end - start for start, end in run.groups)
    start, end = max(0, run.start - _NEAR), min(len(text), run.end + _NEAR)
    for kind in kinds:
        if kind.digits > count:
            break
        for match in kind.shape.finditer(text, start, end):
            run.tick()
            number = match.group()
            compact = _PUNCTUATION.sub("", number).upper()
            if kind.check(compact) and _may_count(kind, run.text, match, lead):
                yield Find(match.start(), match.end(), "national_id")


def _may_count(kind: Kind, text: str, match: re.Match[str], lead: str) -> bool:
    """Says whether a passed check would be enough to believe it."""
    if kind.share <= _WEAK:
        return True
    if kind.written is not None and kind.written.fullmatch(match.group()) is not None:
        return True
    if kind.words is not None and kind.words.search(around(text, *match.span(), lead)) is not None:
        return True
    return kind.share <= _WEAKER and _OF_PAPERS.search(f"{lead} {text}".lower()) is not None


def fiscal_codes(text: str, tick: Tick) -> Iterator[Find]:
    """Returns the Italian tax codes of a text."""
    for match in _FISCAL.finditer(text):
        tick()
        start, end = match.start() - _FISCAL_LETTERS, match.end()
        if text[start - 1 : start].isalnum() or text[end : end + 1].isalnum():
            continue
        if codicefiscale.is_valid(text[start:end].upper()):
            yield Find(start, end, "national_id")
