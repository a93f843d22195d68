"""What is found in one text, what is not, and how disguises fare."""

import pytest

from suffice.serve.privacy.detect import Detector
from suffice.serve.privacy.settings import read_privacy

DETECTOR = Detector(read_privacy({"default": "mask", "classes": {"ip_address": "mask"}}))


def found(text, lead="", detector=DETECTOR):
    """Returns class and words of every find."""
    return [(find.name, text[find.start : find.end]) for find in detector.find(text, lead=lead)]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("email", "j.o'neil+x@mail.example.co.uk", "write to {}."),
        ("email", "josé@exämple.de", "an {} schreiben"),
        ("email", "john [at] example [dot] com", "I am {} ok"),
        ("card", "4111 1111 1111 1111", "card {} exp 12/27"),
        ("card", "3782-822463-10005", "amex {}"),
        ("card", "4111\n1111 1111-1111", "{}"),
        ("card", "5555555555554444", "卡号是{}谢谢"),
        ("iban", "DE89 3704 0044 0532 0130 00", "to {} please pay"),
        ("iban", "gb82west12345698765432", "IBAN:{}"),
        ("iban", "NL91 ABNA 0417 1643 00", "naar {}."),
        ("national_id", "536-90-4399", "it is {}"),
        ("national_id", "536904399", "my SSN is {}"),
        ("national_id", "AB 12 34 56 C", "NI number {}"),
        ("national_id", "943 476 5919", "NHS number {}"),
        ("national_id", "36 574 261 809", "Steuer-ID {}"),
        ("national_id", "2 95 10 99 126 111 93", "NIR {}"),
        ("national_id", "12345678Z", "DNI {}"),
        ("national_id", "X1234567L", "NIE {}"),
        ("national_id", "RCCMNL83S18D969H", "CF {}"),
        ("national_id", "111222333", "BSN {}"),
        ("national_id", "44051401359", "PESEL {}"),
        ("national_id", "390.533.447-05", "CPF {}"),
        ("national_id", "2341 2341 2346", "Aadhaar {}"),
        ("phone", "+49 151 23456789", "ruf {} an"),
        ("phone", "(415) 555-2671", "at {} now"),
        ("phone", "06 12 34 56 78", "c'est {}"),
        ("phone", "0612345678", "appelle le {}"),
        ("ip_address", "192.168.1.17", "host {} down"),
        ("ip_address", "2001:db8::8a2e:370:7334", "host {} down"),
        ("secret", "sk-sf-a1b2c3d4-0123456789abcdefghijkl", "use {}"),
        ("secret", "AKIAIOSFODNN7EXAMPLE", "aws {}"),
        ("secret", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc-def_ghi", "jwt {}"),
        ("secret", "9f8a7b6c5d4e3f2a1b0c", 'api_key="{}"'),
        ("secret", "hunter2", "password: {}"),
        ("secret", "s3cr3tpw", "postgres://me:{}@db/x"),
        (
            "secret",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIBOgIBAAJBAKj34Gkx\nabc\n-----END RSA PRIVATE KEY-----",
            "see {}",
        ),
    ],
)
def test_private_data_is_found_whole(name, value, sentence):
    """Each kind is found with all its signs, and nothing else of the sentence."""
    assert [(name, value)] == found(sentence.format(value))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "order 1234567890 of 2026-11-22 10:30:00",
            "uuid 550e8400-e29b-41d4-a716-446655440000",
            "$1,234,567.89",
        ),
        *("ISBN 978-3-16-148410-0", "at 1719400000000 ms", "0.4532015112830366", "logo@2x.png", "npm@10.2.3"),
        *(
            "@mention and @types/node",
            "the key to success is practice",
            "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        ),
        *("4111 1111 1111 1112", "DE88 3704 0044 0532 0130 00", "page 12-34, lines 100-200", "room 12345678"),
        *("passport control at gate 12", "time 12:34:56", "a :: b", "X1234567A", "ratio 3.14159265358979"),
    ],
)
def test_other_numbers_are_left_alone(text):
    """Order numbers, dates, versions, prices, book numbers and wrong checksums are not private data."""
    assert [] == [each for each in found(text) if each[0] != "ip_address"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(
            ("email", text)
            for text in ("john%40example.com", "john\\u0040example.com", "john&#64;example.com")
        ),
        *(
            ("email", text)
            for text in ("john&commat;example.com", "john＠example.com", "jo\u200bhn@exam­ple.com")
        ),
        *(("email", text) for text in ("john%2540example.com", "john\\x40example.com", "john@example。com")),
        *(
            ("card", text)
            for text in ("4111.1111.1111.1111", "4111–1111–1111–1111", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1")
        ),
        *(
            ("card", text)
            for text in (
                "４１１１１１１１１１１１１１１１",
                "4111\u200b1111\u200b1111\u200b1111",
                "٤١١١١١١١١١١١١١١١",
            )
        ),
        *(
            ("card", text)
            for text in (
                "𝟒𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏",
                "4111&nbsp;1111&nbsp;1111&nbsp;1111",
                "4111\\n1111\\n1111\\n1111",
            )
        ),
        *(("iban", text) for text in ("DE89 3704 0044 0532 0130 00", "DE89-3704-0044-0532-0130-00")),
        ("phone", "%2B49 151 23456789"),
    ],
)
def test_a_disguise_does_not_help(name, text):
    """Escapes, invisible signs, other scripts' digits and separators are seen through, and covered whole."""
    assert [(name, text)] == found(text)


def test_the_key_of_a_value_tells_what_a_number_is():
    """A bare number counts by the name it stands under, as by the words before it."""
    assert [] == found("536904399")
    assert [("national_id", "536904399")] == found("536904399", lead="customer_ssn")


def test_a_sites_own_words_and_patterns_are_found():
    """Words are found whole and in any case, phrases too; patterns as they are."""
    own = {"custom": {"phi": {"words": ["HIV", "type 2 diabetes"], "patterns": [r"MRN[- ]?[0-9]{6,8}"]}}}
    detector = Detector(read_privacy(own))
    text = "MRN-1234567: hiv negative, Type 2 Diabetes; archived"
    assert [("phi", "MRN-1234567"), ("phi", "hiv"), ("phi", "Type 2 Diabetes")] == found(
        text, detector=detector
    )


def test_addresses_of_machines_are_looked_for_only_where_named():
    """IP addresses are no secret to most sites."""
    assert [] == found("host 192.168.1.17", detector=Detector(read_privacy({})))


def test_only_the_sites_countries_count():
    """A site can leave countries out."""
    assert [] == found("it is 536-90-4399", detector=Detector(read_privacy({"countries": ["GB"]})))


@pytest.mark.parametrize(
    "text",
    [
        *("eyJ" * 3_000, "a@" * 5_000, "4111 " * 2_000, "1" * 10_000, "(" * 10_000, "password:" * 1_000),
        *(
            "x" * 10_000 + "@",
            "%4" * 5_000,
            "&#" * 5_000,
            "-----BEGIN " * 1_000,
            "DE89 " * 2_000,
            "::" * 5_000,
        ),
        *("1,2;" * 2_500, " @ " * 3_000, "\x01" * 5_000, "4111*" * 2_000, "YWFhYWFhYWFhYWFh " * 500),
        *("aA1!" * 2_500, "a at b dot " * 900, f"{'a' * 70}\n" * 140),
    ],
)
def test_hostile_texts_take_steps_in_proportion(text):
    """A text made to be slow has at most a few looks per sign, and each look is watched by the time limit."""
    ticks = 0

    def tick():
        nonlocal ticks
        ticks += 1

    DETECTOR.find(text, tick=tick)
    assert ticks <= 3 * len(text)
