"""Finds telephone numbers: what libphonenumber takes for valid, written or announced as a telephone number.

Validity is libphonenumber's: its patterns by region and kind of number, which are read once and matched
here, for its own functions take a hundred times as long and say the same (`test_phone`).

Half of all ten-digit numbers are valid in some region, so a number without its country code counts only where
a word such as "call" stands near, or its digits are grouped the way such numbers are.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

from suffice.serve.privacy.find import Find
from suffice.serve.privacy.numbers import Run, around

_FEWEST, _MOST = 7, 15
_NATIONAL_MOST = 12
_UNTOLD_FEWEST = 9  # digits of a number that no word announces
_RECKONING = frozenset("=*×÷")
_JOINING = ":-.,/"
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
    """A region's numbers: how they look without country code, and how many digits its groups have."""

    name: str
    shape: re.Pattern[str]
    groups: re.Pattern[str]


class Regions(NamedTuple):
    """Some regions; `shape` is that of any one's numbers."""

    each: tuple[Region, ...]
    shape: re.Pattern[str]


def regions_of(names: tuple[str, ...]) -> Regions:
    """Returns what libphonenumber knows of some regions; those it does not know are left out."""
    each = tuple(region for name in names if (region := _region(name)) is not None)
    return Regions(each, re.compile("|".join(region.shape.pattern for region in each) or "(?!)"))


@lru_cache(maxsize=512)
def _region(name: str) -> Region | None:
    """Returns a region by its name, or by its country code where it is none of a country's (e.g. 800)."""
    if name.isdigit():
        metadata = PhoneMetadata.metadata_for_nongeo_region(int(name), None)
    else:
        metadata = PhoneMetadata.metadata_for_region(name, None)
    if metadata is None:
        return None
    kinds = (
        *(metadata.fixed_line, metadata.mobile, metadata.voip, metadata.toll_free, metadata.shared_cost),
        *(metadata.premium_rate, metadata.personal_number, metadata.uan, metadata.pager),
        metadata.voicemail,
    )
    patterns = [kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern]
    prefix = f"(?:{metadata.national_prefix})?" if metadata.national_prefix else ""
    shape = re.compile(f"{prefix}(?:{'|'.join(patterns)})")
    formats = [_groups(each.pattern or "", metadata.national_prefix or "") for each in metadata.number_format]
    return Region(name, shape, re.compile("|".join(filter(None, formats)) or "(?!)"))


def _groups(pattern: str, prefix: str) -> str:
    r"""Returns a pattern over `3,3,4,` for a format of libphonenumber's such as `(\d{3})(\d{3})(\d{4})`.

    The national prefix may be written as a part of the first group, or as one of its own.
    """
    groups = [
        tuple(map(int, filter(None, each))) for each in re.findall(r"\\d\{(\d+)(?:,(\d+))?\}|\\d", pattern)
    ]
    ranges = [range(each[0], each[-1] + 1) if each else range(1, 2) for each in groups]
    if len(ranges) < 2:
        return ""
    plain = "".join(f"(?:{'|'.join(map(str, each))})," for each in ranges)
    longer = range(ranges[0].start + len(prefix), ranges[0].stop + len(prefix))
    rest = "".join(f"(?:{'|'.join(map(str, each))})," for each in ranges[1:])
    return f"(?:{len(prefix)},)?{plain}|(?:{'|'.join(map(str, longer))}),{rest}" if prefix else plain


def phones(run: Run, regions: Regions, lead: str) -> Iterator[Find]:
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
            start = start if plus is None else plus
            yield Find(start - (run.text[start - 1 : start] == "("), end, "phone")


def odd_phones(run: Run) -> Iterator[Find]:
    """Returns the telephone number with a country code that a run with odd separators is."""
    plus = _international(run.text, run.start)
    digits = run.digits(0, len(run.groups) - 1)
    if plus is not None and len(digits) <= _MOST and _is_international(digits):
        yield Find(plus, run.end, "phone")


def _is_reckoned(text: str, start: int, end: int) -> bool:
    """Says whether digits are a part of a sum: `100-50-30-15 = 5`."""
    before, after = text[max(0, start - 2) : start].rstrip(), text[end : end + 3].lstrip(" $)")
    return after[:1] in _RECKONING or before[-1:] in _RECKONING


def _international(text: str, start: int) -> int | None:
    """Returns where the plus sign before a number stands, None where there is none."""
    before = text[max(0, start - 3) : start].rstrip(" (")
    if before.endswith("+"):
        return max(0, start - 3) + len(before) - 1
    return None


def _is_bounded(text: str, start: int) -> bool:
    """Says whether a number begins here: nothing is joined to it, as in `x5`, `:05` or `a-7678`."""
    before = text[start - 1 : start]
    if before and before in _JOINING:
        return not text[start - 2 : start - 1].isalnum() or (text[start - 2].isalpha() and before == ":")
    return _NUMBER_SIGNS.match(before) is None


def _is_international(digits: str) -> bool:
    """Says whether digits with a country code are a valid number."""
    if len(digits) < _FEWEST or digits[0] == "0":
        return False
    for length in (1, 2, 3):
        code = int(digits[:length])
        for name in COUNTRY_CODE_TO_REGION_CODE.get(code, ()):
            region = _region(str(code) if name == "001" else name)
            if region is not None and region.shape.fullmatch(digits, length) is not None:
                return True
    return False


def _is_national(run: Run, first: int, last: int, *, regions: Regions, lead: str) -> bool:
    """Says whether digits without country code are a number of one of the regions, and meant as one."""
    digits = run.digits(first, last)
    if regions.shape.fullmatch(digits) is None:
        return False
    if _WORDS.search(around(run.text, run.groups[first][0], run.groups[last][1], lead)) is not None:
        return True
    if len(digits) < _UNTOLD_FEWEST or first == last or _DATE.fullmatch(digits) is not None:
        return False
    if _is_reckoned(run.text, run.start, run.end):
        return False
    slash = "/" in run.text[run.groups[first][1] : run.groups[last][0]]
    if not run.is_apart(first, last) or (slash and digits[0] != "0"):
        return False
    lengths = "".join(f"{length}," for length in run.lengths(first, last))
    return any(
        region.groups.fullmatch(lengths) is not None and region.shape.fullmatch(digits) is not None
        for region in regions.each
    )
