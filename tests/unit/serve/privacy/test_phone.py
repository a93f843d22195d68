"""The patterns that stand in for libphonenumber's functions say what those say."""

import random

import phonenumbers
import pytest

from suffice.serve.privacy.phone import _is_international, regions_of


@pytest.mark.parametrize("name", ["US", "GB", "DE", "FR", "IT", "IN", "BR"])
def test_patterns_agree_with_the_library(name):
    """On random digits, national and with country code, no number the library takes for valid is refused."""
    draw = random.Random(name)
    (region,) = regions_of((name,)).each
    code = phonenumbers.country_code_for_region(name)
    missed = []
    for _ in range(400):
        digits = "".join(draw.choices("0123456789", k=draw.randint(8, 11)))
        number = phonenumbers.PhoneNumber(country_code=code, national_number=int(digits))
        if digits.startswith("0") or not phonenumbers.is_valid_number_for_region(number, name):
            continue
        if region.shape.fullmatch(digits) is None or not _is_international(f"{code}{digits}"):
            missed.append(digits)
    assert [] == missed


def test_an_example_of_every_region_is_found():
    """The library's own examples, of every region and every kind, are valid with their country code."""
    missed = []
    for name in sorted(phonenumbers.SUPPORTED_REGIONS):
        number = phonenumbers.example_number(name)
        digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
        if not _is_international(digits):
            missed.append((name, digits))
    assert [] == missed


def test_an_unknown_region_is_left_out():
    """A region the library does not know has no numbers."""
    assert () == regions_of(("XX",)).each
