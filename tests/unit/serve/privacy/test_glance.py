"""The glance never says no where a detector would find something, and readings map back to the text."""

from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.serve.privacy.address import emails
from suffice.serve.privacy.credential import secrets
from suffice.serve.privacy.find import Find, settled
from suffice.serve.privacy.glance import ADDRESS, NUMBER, SECRET, glance
from suffice.serve.privacy.iban import ibans
from suffice.serve.privacy.national_id import fiscal_codes
from suffice.serve.privacy.numbers import runs
from suffice.serve.privacy.views import is_plain, views

PIECES = st.sampled_from(
    [
        *(
            "a@b.co",
            " [at] ",
            "(AT)",
            "example.org",
            "12",
            "3 4",
            "-5",
            "678",
            "MT84MALT011000012345MTLCAST001S",
        ),
        *(
            "RCCMNL83S18D969H",
            "password: ",
            "hunter2!",
            "sk-",
            "a1b2c3d4e5f6a7b8c9d0",
            "key=",
            "hasło: ",
            " ",
            "\n",
        ),
        *("é", "\u200b", "１", "–", "%40", "&#64;", "\\u0040", "\ud800", "😀", "١"),
    ]
)
TEXTS = st.one_of(st.lists(PIECES, max_size=12).map("".join), st.text(max_size=40))


def never():
    """Lets looking go on."""


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_no_detector_finds_what_the_glance_ruled_out(text):
    """Each detector, called without a glance before it, finds nothing that the glance did not announce."""
    seen = glance(text)
    assert not list(emails(text, never)) or seen & ADDRESS
    assert not list(secrets(text, never)) or seen & SECRET
    numbers = [*ibans(text, never), *fiscal_codes(text, never), *runs(text, never)]
    assert not numbers or seen & NUMBER


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_every_reading_maps_back_to_the_text(text):
    """A part of a reading stands somewhere in the text, in order; a plain text has one reading."""
    found = views(text, never)
    assert text == found[0].text
    assert (len(found) == 1) or not is_plain(text)
    for view in found:
        places = [view.span(at, at + 1) for at in range(len(view.text))]
        assert all(0 <= start < end <= len(text) for start, end in places)
        assert places == sorted(places)


def test_the_stricter_of_two_overlapping_classes_takes_both():
    """No part of either is left over, and what may be sent hides nothing."""
    rank = {"allow": 0, "mask": 1, "stay": 2}.__getitem__
    finds = [Find(0, 5, "mask"), Find(3, 9, "stay"), Find(10, 20, "mask"), Find(12, 14, "stay")]
    assert [Find(0, 9, "stay"), Find(10, 20, "stay")] == settled(finds, rank)
    assert [Find(2, 4, "mask")] == settled([Find(0, 9, "allow"), Find(2, 4, "mask")], rank)
    assert [Find(0, 4, "mask")] == settled([Find(0, 4, "mask"), Find(2, 9, "allow")], rank)
