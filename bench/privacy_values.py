"""Makes the private values of `bench.privacy_set` by the numbers' own rules."""

import random
import string
from collections.abc import Callable

import phonenumbers
from phonenumbers import PhoneNumberFormat
from stdnum import luhn
from stdnum.br import cpf
from stdnum.de import idnr
from stdnum.es import dni
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.in_ import aadhaar
from stdnum.iso7064 import mod_97_10
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.pl import pesel

_REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "PL", "BR", "IN")


def digits(draw: random.Random, count: int) -> str:
    """Returns so many random digits."""
    return "".join(draw.choices(string.digits, k=count))


def letters(draw: random.Random, count: int, signs: str = string.ascii_letters + string.digits) -> str:
    """Returns so many random signs."""
    return "".join(draw.choices(signs, k=count))


def until(make: Callable[[], str], check: Callable[[str], bool]) -> str:
    """Returns the first made value that passes."""
    while not check(value := make()):
        pass
    return value


def _email(draw: random.Random, _: bool) -> tuple[str, str]:  # noqa: FBT001 - all makers have one shape
    names = ("ada", "j.smith", "müller", "o'brien", "li.wei+news", "first_last", "x99", "josé.garcía", "n-2")
    hosts = (
        "example.com",
        "mail.example.co.uk",
        "firma.de",
        "exämple.fr",
        "uni.edu.pl",
        "a-b.io",
        "corp.museum",
    )
    return f"{draw.choice(names)}@{draw.choice(hosts)}", ""


def _phone(draw: random.Random, bare: bool) -> tuple[str, str]:  # noqa: FBT001 - as above
    region = draw.choice(_REGIONS)
    code = phonenumbers.country_code_for_region(region)
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    example = str(number.national_number if number is not None else "")

    def make() -> str:
        return example[:3] + digits(draw, len(example) - 3)

    def check(digits: str) -> bool:
        return phonenumbers.is_valid_number(
            phonenumbers.PhoneNumber(country_code=code, national_number=int(digits))
        )

    number = phonenumbers.PhoneNumber(country_code=code, national_number=int(until(make, check)))
    styles = (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.E164)
    written = phonenumbers.format_number(number, draw.choice(styles))
    if bare or draw.random() < 0.2:
        written = "".join(sign for sign in phonenumbers.format_number(number, styles[0]) if sign.isdigit())
    return written, ""


def _card(draw: random.Random, _: bool) -> tuple[str, str]:  # noqa: FBT001 - as above
    start, length = draw.choice(
        (("4", 16), ("51", 16), ("2221", 16), ("37", 15), ("6011", 16), ("36", 14), ("3530", 16))
    )
    number = start + digits(draw, length - 1 - len(start))
    number += luhn.calc_check_digit(number)
    if draw.random() < 0.4:
        return number, ""
    sizes = (4, 6, 5) if length in {14, 15} else (4, 4, 4, 4)
    gap = draw.choice(" -")
    return gap.join(number[sum(sizes[:at]) : sum(sizes[: at + 1])] for at in range(len(sizes))), ""


def _iban(draw: random.Random, _: bool) -> tuple[str, str]:  # noqa: FBT001 - as above
    shapes = {
        "DE": "n18",
        "GB": "a4n14",
        "NL": "a4n10",
        "PL": "n24",
        "CH": "n5c12",
        "AT": "n16",
        "MT": "a4n5c18",
    }
    country = draw.choice(sorted(shapes))
    number, shape = "", shapes[country]
    while shape:
        kind, count, shape = shape[0], *_leading(shape[1:])
        signs = {
            "n": string.digits,
            "a": string.ascii_uppercase,
            "c": string.ascii_uppercase + string.digits,
        }[kind]
        number += letters(draw, count, signs)
    number = country + mod_97_10.calc_check_digits(number + country) + number
    if draw.random() < 0.5:
        return number, ""
    return " ".join(number[at : at + 4] for at in range(0, len(number), 4)), ""


def _leading(text: str) -> tuple[int, str]:
    """Returns the number a text begins with, and the rest."""
    length = len(text) - len(text.lstrip(string.digits))
    return int(text[:length]), text[length:]


def _national_id(draw: random.Random, bare: bool) -> tuple[str, str]:  # noqa: FBT001 - as above
    kind = draw.choice(sorted(_IDS))
    number, word, sizes = _IDS[kind](draw)
    if bare or not sizes or draw.random() < 0.5:
        return number, word
    gap = "." if kind == "BR" else "-" if kind == "US" else " "
    return gap.join(number[sum(sizes[:at]) : sum(sizes[: at + 1])] for at in range(len(sizes))), word


_Id = tuple[str, str, tuple[int, ...]]


def _nir(draw: random.Random) -> _Id:
    born = f"{digits(draw, 2)}{draw.randint(1, 12):02}"
    body = f"{draw.choice('12')}{born}{draw.randint(1, 95):02}{digits(draw, 6)}"
    return body + nir.calc_check_digits(body), "numéro de sécu", (1, 2, 2, 2, 3, 3, 2)


def _pesel(draw: random.Random) -> _Id:
    body = f"{draw.randint(40, 99)}{draw.randint(1, 12):02}{draw.randint(1, 28):02}{digits(draw, 4)}"
    return body + pesel.calc_check_digit(body), "PESEL", ()


def _fiscal(draw: random.Random) -> _Id:
    body = (
        letters(draw, 6, "BCDFGLMNPRSTV")
        + f"{digits(draw, 2)}{draw.choice('ABCDEHLMPRST')}{draw.randint(1, 28):02}"
    )
    body += "H501"
    return body + codicefiscale.calc_check_digit(body), "codice fiscale", ()


def _cpf(draw: random.Random) -> _Id:
    return until(lambda: digits(draw, 11), cpf.is_valid), "CPF", (3, 3, 5)


_IDS: dict[str, Callable[[random.Random], _Id]] = {
    "US": lambda draw: (
        f"{draw.randint(1, 665):03}{draw.randint(1, 99):02}{draw.randint(1, 9999):04}",
        "SSN",
        (3, 2, 4),
    ),
    "GB": lambda draw: (
        f"{draw.choice(('AB', 'JK', 'SR'))}{digits(draw, 6)}{draw.choice('ABCD')}",
        "NINO",
        (2, 2, 2, 2, 1),
    ),
    "GB2": lambda draw: (until(lambda: digits(draw, 10), nhs.is_valid), "NHS number", (3, 3, 4)),
    "DE": lambda draw: (until(lambda: digits(draw, 11), idnr.is_valid), "Steuer-ID", (2, 3, 3, 3)),
    "FR": _nir,
    "ES": lambda draw: ((body := digits(draw, 8)) + dni.calc_check_digit(body), "DNI", ()),
    "IT": _fiscal,
    "NL": lambda draw: (until(lambda: digits(draw, 9), bsn.is_valid), "BSN", ()),
    "PL": _pesel,
    "BR": _cpf,
    "IN": lambda draw: (until(lambda: digits(draw, 12), aadhaar.is_valid), "Aadhaar", (4, 4, 4)),
}


def _secret(draw: random.Random, bare: bool) -> tuple[str, str]:  # noqa: FBT001 - as above
    """Returns a secret, and what it stands in."""
    if bare:
        return draw.choice(("Tr0ub4dor&3", "correct-horse-7", letters(draw, 24))), "{}"
    upper = string.ascii_uppercase + "234567"
    makers: tuple[tuple[str, str], ...] = (
        (f"sk-sf-{letters(draw, 8)}-{letters(draw, 32)}", "{}"),
        (f"sk-proj-{letters(draw, 48)}", "{}"),
        (f"ghp_{letters(draw, 36)}", "{}"),
        (f"AKIA{letters(draw, 16, upper)}", "{}"),
        (f"xoxb-{digits(draw, 12)}-{letters(draw, 24)}", "{}"),
        (f"AIza{letters(draw, 35)}", "{}"),
        (f"hf_{letters(draw, 34, string.ascii_letters)}", "{}"),
        (f"glpat-{letters(draw, 20)}", "{}"),
        (f"eyJ{letters(draw, 17)}.eyJ{letters(draw, 40)}.{letters(draw, 43)}", "{}"),
        (letters(draw, 32, "0123456789abcdef"), "api_key={}"),
        (letters(draw, 40), '"client_secret": "{}"'),
        (letters(draw, 40), "Authorization: Bearer {}"),
        (f"{letters(draw, 10)}7x!", "password: {}"),
        (letters(draw, 14), "postgres://app:{}@db.internal/x"),
    )
    return draw.choice(makers)


def _ip(draw: random.Random, _: bool) -> tuple[str, str]:  # noqa: FBT001 - as above
    if draw.random() < 0.3:
        return "2001:db8:" + ":".join(f"{draw.randrange(65536):x}" for _ in range(6)), ""
    return ".".join(str(draw.randint(1, 254)) for _ in range(4)), ""


VALUES: dict[str, Callable[[random.Random, bool], tuple[str, str]]] = {
    "email": _email,
    "phone": _phone,
    "card": _card,
    "iban": _iban,
    "national_id": _national_id,
    "secret": _secret,
    "ip_address": _ip,
}
