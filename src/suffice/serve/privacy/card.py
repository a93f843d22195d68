"""Finds numbers of payment cards: a network's prefix and length (ISO/IEC 7812), and Luhn's checksum."""

import re
from collections.abc import Iterator

from stdnum import luhn

from suffice.serve.privacy.find import Find
from suffice.serve.privacy.numbers import Run

_FEWEST, _MOST = 14, 19
# Prefixes as the networks publish them; 13 digits (Visa, until the 1990s) would mostly be article numbers.
_NETWORK = re.compile(
    r"4[0-9]{15}(?:[0-9]{3})?"  # Visa
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|3(?:0[0-5]|[689][0-9])[0-9]{11}"  # Diners Club
    r"|(?:6011|64[4-9][0-9]|65[0-9]{2})[0-9]{12}(?:[0-9]{3})?"  # Discover
    r"|62[0-9]{14,17}"  # UnionPay
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12}(?:[0-9]{3})?"  # JCB
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])[0-9]{10,15}"  # Maestro
    r"|(?:60|81|82)[0-9]{14}|508[0-9]{13}"  # RuPay
    r"|220[0-4][0-9]{12}(?:[0-9]{3})?"  # Mir
)
_USUAL = frozenset({(4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (6, 13), (4, 4, 4, 2)})
_ODDLY = frozenset(
    {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), *((1,) * count for count in range(_FEWEST, _MOST + 1))}
)


def cards(run: Run) -> Iterator[Find]:
    """Returns the cards in a run of digits, however they are grouped if nothing else stands in it."""
    reached = 0
    for first, last in run.windows(_FEWEST, _MOST):
        if first < reached or run.is_fraction(first):
            continue
        if not _is_grouped(run, first, last):
            continue
        digits = run.digits(first, last)
        if _NETWORK.fullmatch(digits) is not None and luhn.is_valid(digits):
            reached = last + 1
            yield Find(run.groups[first][0], run.groups[last][1], "card")


def odd_cards(run: Run) -> Iterator[Find]:
    """Returns the card that a run with odd separators is; one in fifty of four times four digits is one."""
    last = len(run.groups) - 1
    if run.lengths(0, last) in _ODDLY:
        digits = run.digits(0, last)
        if _NETWORK.fullmatch(digits) is not None and luhn.is_valid(digits):
            yield Find(run.start, run.end, "card")


def _is_grouped(run: Run, first: int, last: int) -> bool:
    """Says whether groups look like one number: alone in the run, unbroken, even, usual, or two lines."""
    if last == first + 1 and run.text[run.groups[first][1] : run.groups[last][0]] == ".":
        return False  # a decimal fraction
    if first == last or (first == 0 and last == len(run.groups) - 1):
        return True
    lengths = run.lengths(first, last)
    if lengths in _USUAL or (len(set(lengths[:-1])) == 1 and 1 < lengths[-1] <= lengths[0]):
        return True
    if len(lengths) == 2:
        return "\n" in run.text[run.groups[first][1] : run.groups[last][0]]
    return False
