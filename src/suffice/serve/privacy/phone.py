"""Finds telephone numbers: what libphonenumber takes for valid, written or announced as a telephone number.

Half of all ten-digit numbers are valid in some region, so a number without its country code counts only where
a word such as "call" stands near, or its digits are grouped the way such numbers are.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberFormat

from suffice.serve.privacy.find import Find
from suffice.serve.privacy.numbers import Run, around

_FEWEST, _MOST = 7, 15
_NATIONAL_MOST = 12
# "Telephone", "call me" and the like in the languages of the standard regions; matched at a word's start.
_WORDS = re.compile(
    r"(?<![a-z])(?:tel(?:\b|[eé_]?(?:ph|f))|phone|ph\b|mobil|m[oó]vil|cell|celular|call|dial|ring|fax|whats|sms\b|texte?d?\b"
    r"|portable|appel|num[eé]ro|handy|ruf|anruf|durchwahl|llam|contact|chiama|zadzwo|dzwo|kom[oó]rk|ligu|liga|bel\b"
    r"|bellen|bereikbaar|mob\b|फ़ोन|फोन|मोबाइल|电话|手机|電話)|(?:phone|mobile|tel|cell|fax)_?(?:no|num|nr)?\b"
)
_DATE = re.compile(
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d*|(?:[0-2]\d|3[01])(?:0[1-9]|1[0-2])(?:19|20)\d\d"
)
_NUMBER_SIGNS = re.compile(r"[0-9A-Za-z_]")


class Region(NamedTuple):
    """A region's numbers: how they look without country code, and what is dialled before them."""

    name: str
    shape: re.Pattern[str]
    prefix: str


@lru_cache(maxsize=64)
def regions_of(names: tuple[str, ...]) -> tuple[Region, ...]:
    """Returns what libphonenumber knows of some regions; those it does not know are left out."""
    found = []
    for name in names:
        metadata = PhoneMetadata.metadata_for_region(name, None)
        if metadata is None or metadata.general_desc is None:
            continue
        prefix = metadata.national_prefix or ""
        shapes = (metadata.fixed_line, metadata.mobile, metadata.voip, metadata.toll_free)
        patterns = [each.national_number_pattern for each in shapes if each and each.national_number_pattern]
        whole = f"(?:{prefix})?(?:{'|'.join(patterns)})"
        found.append(Region(name, re.compile(whole), prefix))
    return tuple(found)


def phones(run: Run, regions: Sequence[Region], lead: str) -> Iterator[Find]:
    """Returns the telephone numbers in a run of digits."""
    reached = 0
    for first, last in run.windows(_FEWEST, _MOST):
        if first < reached or run.is_fraction(first):
            continue
        start, end = run.groups[first][0], run.groups[last][1]
        if _NUMBER_SIGNS.match(run.text, end) is not None:
            continue
        digits = run.digits(first, last)
        plus = _international(run.text, start)
        if plus is not None or (digits.startswith("00") and first == 0):
            found = _is_international(digits if plus is not None else digits[2:])
        elif len(digits) <= _NATIONAL_MOST and _is_bounded(run.text, start):
            found = _is_national(run, first, last, regions=regions, lead=lead)
        else:
            found = False
        if found:
            reached = last + 1
            yield Find(start if plus is None else plus, end, "phone")


def _international(text: str, start: int) -> int | None:
    """Returns where the plus sign before a number stands, None where there is none."""
    before = text[max(0, start - 3) : start].rstrip(" (")
    if before.endswith("+"):
        return max(0, start - 3) + len(before) - 1
    return None


def _is_bounded(text: str, start: int) -> bool:
    """Says whether a number begins here: no letter or digit is joined to it."""
    return start == 0 or _NUMBER_SIGNS.match(text[start - 1]) is None


def _is_international(digits: str) -> bool:
    """Says whether digits with a country code are a valid number."""
    if len(digits) < _FEWEST or digits[0] == "0":
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse("+" + digits))
    except phonenumbers.NumberParseException:
        return False


def _is_national(run: Run, first: int, last: int, *, regions: Sequence[Region], lead: str) -> bool:
    """Says whether digits without country code are a number of one of the regions, and meant as one."""
    digits = run.digits(first, last)
    possible = [region for region in regions if region.shape.fullmatch(digits) is not None]
    if not possible:
        return False
    start, end = run.groups[first][0], run.groups[last][1]
    if _WORDS.search(around(run.text, start, end, lead)) is not None:
        return any(_parsed(digits, region) is not None for region in possible)
    if first == last or _DATE.fullmatch(digits) is not None:
        return False
    lengths = run.lengths(first, last)
    return any(_is_written(digits, region, lengths) for region in possible)


def _is_written(digits: str, region: Region, lengths: tuple[int, ...]) -> bool:
    """Says whether the digits are grouped as the region groups them."""
    number = _parsed(digits, region)
    if number is None:
        return False
    usual = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    return lengths == tuple(len(group) for group in re.findall(r"[0-9]+", usual))


def _parsed(digits: str, region: Region) -> phonenumbers.PhoneNumber | None:
    """Returns a valid number of the region, or None."""
    try:
        number = phonenumbers.parse(digits, region.name)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number_for_region(number, region.name) else None
