"""Finds bank accounts: IBANs (ISO 13616) by country, structure and checksum."""

import re
from collections.abc import Iterator
from functools import lru_cache

from stdnum import iban, numdb

from suffice.serve.privacy.find import Find
from suffice.serve.privacy.numbers import Tick

# Two digits behind two letters; looked for by the digits, which are rarer.
_START = re.compile(
    r"[0-9](?:(?<=(?<![A-Za-z0-9])[A-Za-z]{2}[0-9])|(?<=(?<![A-Za-z0-9])[A-Za-z]{2}[ .\-][0-9]))[0-9]"
)
_SIGN = re.compile(r"[A-Za-z0-9]")
_SEPARATORS = frozenset(" .-\n\r\t_/*:,;|~+='#")
_GAP = 4  # separating signs between two of the number's


def ibans(text: str, tick: Tick) -> Iterator[Find]:
    """Returns the IBANs of a text, with or without separators."""
    place = 0
    while (match := _START.search(text, place)) is not None:
        tick()
        place = match.end()
        start = match.start() - 2 - (not text[match.start() - 1].isalpha())
        length = _length(text[start : start + 2].upper())
        if length is None:
            continue
        number, end = _taken(text, start, length)
        if len(number) == length and iban.is_valid(number):
            yield Find(start, end, "iban")
            place = end


def _taken(text: str, start: int, length: int) -> tuple[str, int]:
    """Returns the next `length` letters and digits, and where they end; fewer where the text breaks off."""
    signs: list[str] = []
    place, gap = start, 0
    while place < len(text) and len(signs) < length:
        sign = text[place]
        if sign.isascii() and sign.isalnum():
            signs.append(sign)
            gap = 0
        elif sign in _SEPARATORS and gap < _GAP:
            gap += 1
        else:
            break
        place += 1
    if place < len(text) and _SIGN.match(text[place]) is not None:
        return "", place  # the word goes on: it is something else
    return "".join(signs), place


@lru_cache(maxsize=1024)
def _length(country: str) -> int | None:
    """Returns how many signs a country's IBANs have, None where it has none."""
    (_, properties), *_ = numdb.get("iban").info(country + "00")
    structure = properties.get("bban")
    return 4 + sum(int(count) for count in re.findall(r"[0-9]+", structure)) if structure else None
