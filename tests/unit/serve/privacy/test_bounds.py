"""Long and hostile texts: looking through them ends in time; what they hold is masked as in short ones."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from suffice.clock import FakeClock, SystemClock
from suffice.serve.privacy.inspector import PrivacyInspector
from suffice.serve.privacy.mask import Placeholders
from suffice.serve.privacy.numbers import runs
from suffice.serve.privacy.settings import read_privacy
from suffice.serve.privacy.walk import Leaves, TooMuch
from tests.unit.serve.tiers import tiny_run


class _TimeUp(Exception):  # noqa: N818 - reads as what it is where it is caught
    """The time is up."""


def ticking(most):
    """Returns a tick that ends the time at its call of that number."""
    left = [most]

    def tick():
        left[0] -= 1
        if left[0] < 0:
            raise _TimeUp

    return tick


def emails(count):
    """Returns so many addresses, all different."""
    return [f"user{number}@example{number % 7}.org" for number in range(count)]


@pytest.mark.parametrize("text", ["1 " * 100_000, "+49 30 12345678 " * 5_000], ids=["one run", "many runs"])
def test_long_runs_of_digits_are_looked_through_in_time(text):
    """A table of numbers is one run: its groups are counted under the clock."""
    with pytest.raises(_TimeUp):
        list(runs(text, ticking(20)))


def test_a_text_of_json_is_counted_before_it_is_decoded():
    """Decoding takes a while: what is over the limit anyway is not decoded first."""
    leaves = Leaves(64, 1000, ticking(0))
    with pytest.raises(TooMuch):
        leaves.take({"text": "[" + "1," * 1_000_000 + "1]"})


@pytest.mark.parametrize("count", [3, 64, 65, 5_000])
def test_few_and_many_values_are_masked_alike(count):
    """One by one, or found by how they begin: wherever they stand, the longest first."""
    placeholders = Placeholders()
    values = [*emails(count), "user1@example1.org.uk"]
    names = [placeholders.of("email", value) for value in values]
    mask = placeholders.everywhere()
    text = "".join(f"<{value}>" for value in values)
    assert "".join(f"<{name}>" for name in names) == mask(text)
    assert "nothing user here@" == mask("nothing user here@")
    assert f"xx{names[-1]}xx" == mask(f"xx{values[-1]}xx")


def test_many_values_are_masked_under_the_clock():
    """Where masking takes too long, it ends; the call then stays."""
    placeholders = Placeholders()
    for value in emails(1_000):
        placeholders.of("email", value)
    mask = placeholders.everywhere(ticking(20))
    with pytest.raises(_TimeUp):
        mask("no address in here " * 100_000)


def test_a_call_of_thousands_of_addresses_is_masked_whole():
    """As a short one: every address once, each with its own placeholder, put back into the reply."""
    settings = read_privacy({"default": "mask", "time_limit_ms": 60_000})
    text = " ".join(emails(4_000))
    seen = PrivacyInspector(settings, clock=SystemClock()).inspect(
        replace(tiny_run.call(text), body={"messages": [{"role": "user", "content": text}]})
    )
    masked = seen.masked_body["messages"][0]["content"]
    assert ({"email": 4_000}, False) == (dict(seen.found), seen.local_only)
    assert "@" not in masked
    assert text == seen.restorer.text(masked)


def test_a_call_that_takes_too_long_to_mask_stays():
    """It counts as one that cannot be looked into."""
    settings = read_privacy({"default": "mask"})
    clock = FakeClock(datetime(2026, 11, 22, tzinfo=UTC), step_s=0.001)
    text = " ".join(emails(4_000))
    seen = PrivacyInspector(settings, clock=clock).inspect(
        replace(tiny_run.call(text), body={"messages": [{"role": "user", "content": text}]})
    )
    assert (True, None) == (seen.local_only, seen.masked_body)
