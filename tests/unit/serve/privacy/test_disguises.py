"""Values that are written oddly are seen through; what only looks like that is left alone."""

import base64

import pytest

from suffice.serve.privacy.detect import Detector
from suffice.serve.privacy.settings import read_privacy
from suffice.serve.privacy.walk import Leaves

DETECTOR = Detector(read_privacy({}))
CARD, IBAN, MAIL = "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "ann.lee@example.org"


def found(text):
    """Returns (class, part of the text) of what is found; the quick look must not have ruled it out."""
    finds = [(name, text[start:end]) for start, end, name in DETECTOR.find(text)]
    assert DETECTOR.may_hold(text) or not finds
    return finds


@pytest.mark.parametrize("sign", list("\x00\x07\x08\x0b\x0c\x1b\x1f\x7f\x85\x9f"))
@pytest.mark.parametrize(
    ("name", "value"), [("card", CARD), ("iban", IBAN), ("phone", "+49 151 23456789"), ("email", MAIL)]
)
def test_control_signs_show_nothing_and_hide_nothing(name, value, sign):
    """Between the parts of a value, and within them."""
    for disguised in (value.replace(" ", sign).replace(".", f"{sign}."), value[:7] + sign + value[7:]):
        assert [(name, disguised)] == found(f"it is {disguised} ok")


@pytest.mark.parametrize("gap", ["*", ":", ",", ";", "|", "~", "·", "•", "・", "    ", " - - ", "; ", "'"])
def test_numbers_with_odd_separators(gap):
    """Cards and accounts whose groups something odd separates, and telephone numbers with a country code."""
    for name, value in (("card", CARD), ("iban", IBAN), ("phone", "+49 151 23456789")):
        disguised = value.replace(" ", gap)
        if name != "iban" or len(gap.replace("·", ".")) <= 4:
            assert [(name, disguised)] == found(f"use {disguised} today")


def test_digits_one_by_one():
    """With anything between them."""
    assert [("card", "4,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1")] == found("4,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1")


@pytest.mark.parametrize(
    "text",
    [
        *("at 10:30:05, 11:30:05 and 12:30:05", "1,234,567,890,123,456", "4111, 1111, 1111, 1111, 2222"),
        *("1|2|3|4|5|6|7|8|9|10|11|12", "ratio 6069.397933300514", "100-50-30-15=5", "<<960-480-120=360>>"),
        *("lunch @ 12.pm", "see you @ noon. then", "2026-11-22, 10:30:00,000, 4021, 5033"),
    ],
)
def test_times_tables_and_sums_are_left_alone(text):
    """They have digits and separators enough, and are nobody's number."""
    assert [] == found(text)


@pytest.mark.parametrize(
    "address",
    [
        *("ann @ example.org", "ann @ exämple.fr", "ann.lee  @  mail.example.org", "ann at example dot org"),
        *("ann.lee AT mail dot example dot co", "ann\\u{40}example.org", "ann\\U00000040example.org"),
    ],
)
def test_addresses_written_apart(address):
    """With blanks around the at sign, in words, or with other languages' escapes for it."""
    assert [("email", address)] == found(f"mail {address}, please")


def _encoded(text, *, encoding="utf-8", safe=False):
    raw = text.encode(encoding)
    return (base64.urlsafe_b64encode if safe else base64.b64encode)(raw).decode()


@pytest.mark.parametrize(
    "encoded",
    [
        *(_encoded(f"write to {MAIL}"), _encoded(MAIL), _encoded(f"ünd ÿ? {MAIL}", safe=True)),
        *(_encoded(f"write to {MAIL}", encoding="utf-16-le"), _encoded(f"write {MAIL}").rstrip("=")),
        base64.encodebytes(f"{'x' * 50} {MAIL} and so on, for a line or two of words".encode())
        .decode()
        .strip(),
    ],
)
def test_texts_in_base64_are_read(encoded):
    """The whole of it is what is found: nothing else can be put in the place of a part."""
    assert [("email", encoded.rstrip("="))] == [
        (name, part.rstrip("=")) for name, part in found(f"run {encoded} now")
    ]


@pytest.mark.parametrize(
    "text",
    [
        *("/usr/local/lib/python3/site-packages/numpy", "internationalization", "ab" * 40, "x" * 5_000),
        *(
            "customer_identifier_long_name",
            "3f786850e387550fdab836ed7e6dc881de23001b",
            "A" * 64 + "\n" + "B" * 64,
        ),
        base64.b64encode(bytes(range(256))).decode(),
    ],
)
def test_what_is_no_text_in_base64_is_left_alone(text):
    """Paths, names, hashes, pictures."""
    assert [] == found(text)


def test_a_number_written_as_a_list_is_one():
    """Digit by digit, or in groups; not a vector, a table or a list of years."""

    def numbers(value):
        leaves = Leaves(depth_limit=9, characters_limit=9_999)
        leaves.take({"state": {"card": value}})
        return [leaf.text for leaf in leaves.texts if leaf.is_number]

    assert ["4111 1111 1111 1111"] == numbers([4111, 1111, 1111, 1111])
    assert ["4111 1111 1111 1111"] == numbers(["4111", "1111", "1111", "1111"])
    assert [" ".join("4111111111111111")] == numbers([int(digit) for digit in "4111111111111111"])
    assert [] == numbers([0.1, 0.2, 0.3]) == numbers([4111] * 30) == numbers([True, False, True])
    assert [] == numbers(["4111", "a"]) == numbers([10] * 12)


@pytest.mark.parametrize("secret", ["Tr0ub4dor&3", "P@ssw0rd2024!", "x7Kq29LmPz41RtVb83WyNc5d"])
def test_passwords_and_keys_that_nothing_announces(secret):
    """What mixes all kinds of signs, and long random strings."""
    assert [("secret", secret.rstrip("!"))] == [
        (name, part.rstrip("!")) for name, part in found(f"so {secret} it is")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "R&D in Q3 at AT&T",
        "if (a&b) x1 = y%Z;",
        "https://example.org/AbC1?x=2&Y=3",
        "Hello World 2026!",
        "It%20is%203%20Things",
    ],
)
def test_ordinary_mixtures_are_no_passwords(text):
    """Companies, code, addresses of pages."""
    assert [] == found(text)


def test_papers_make_a_weak_check_count():
    """A number that one in eleven passes counts in a text about somebody's papers, wherever that says so."""
    number = "943 476 5919".replace(" ", "")
    filler = "The form came back on a rainy day, which was all that could be said of it in the end. " * 2
    assert [] == found(f"The parcel was late. {filler} It is {number}")
    assert [("national_id", number)] == found(f"The applicant was born in Leeds. {filler} It is {number}")
