"""A circuit breaker opens on failures, lets one call try later, and counts nothing twice."""

import pytest

from suffice.errors import SpecError
from suffice.serve.tiers.upstreams.breaker import Breaker, BreakerSettings, BreakerState


class Clock:
    """A clock that moves only when told."""

    at_s = 0.0

    def now(self):
        """Not asked."""
        raise NotImplementedError

    def elapsed_s(self):
        """Returns the seconds it was moved by."""
        return self.at_s


def breaker_with(**settings):
    """Returns a breaker and its clock."""
    clock = Clock()
    return Breaker(BreakerSettings(**settings), clock=clock), clock


def play(breaker, outcomes):
    """Lets calls end so, e.g. "ff." for two failures and a success."""
    for outcome in outcomes:
        number = breaker.enter()
        assert number is not None
        breaker.leave(number, failed={"f": True, ".": False, "?": None}[outcome])


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ("ff", BreakerState.CLOSED),
        ("fff", BreakerState.OPEN),
        ("ff.ff.ff", BreakerState.OPEN),  # 6 of 8: more than half of at least 8
        ("ff.ff..f", BreakerState.OPEN),  # 5 of 8
        (".f.f.f.f.f.f", BreakerState.CLOSED),  # half is not more than half
        ("????????????", BreakerState.CLOSED),
        ("ff??", BreakerState.CLOSED),
    ],
)
def test_it_opens_on_failures_in_a_row_or_at_a_rate(outcomes, state):
    """Calls that say nothing about the server count for nothing."""
    breaker, _ = breaker_with(in_a_row=3, failure_rate=0.5, least_calls=8)
    play(breaker, outcomes)
    assert state is breaker.state


def test_old_failures_are_forgotten():
    """Only the window counts for the rate."""
    breaker, clock = breaker_with(in_a_row=100, failure_rate=0.5, least_calls=4, window_s=30.0)
    play(breaker, "fff")
    clock.at_s = 31.0
    play(breaker, "..f.")
    assert BreakerState.CLOSED is breaker.state


def test_an_open_breaker_refuses_then_lets_one_call_try():
    """After its time one call goes through; the others wait for what becomes of it."""
    breaker, clock = breaker_with(in_a_row=1, open_s=10.0)
    play(breaker, "f")
    assert breaker.enter() is None
    clock.at_s = 4.0
    assert 6.0 == breaker.retry_after_s
    clock.at_s = 10.0
    assert BreakerState.HALF_OPEN is breaker.state
    probe = breaker.enter()
    assert probe is not None
    assert breaker.enter() is None
    breaker.leave(probe, failed=False)
    assert BreakerState.CLOSED is breaker.state


def test_a_probe_that_fails_opens_it_again():
    """The whole time again, from then."""
    breaker, clock = breaker_with(in_a_row=1, open_s=10.0)
    play(breaker, "f")
    clock.at_s = 12.0
    play(breaker, "f")
    assert (BreakerState.OPEN, 10.0) == (breaker.state, breaker.retry_after_s)


def test_a_probe_that_was_given_up_lets_the_next_one_try():
    """A client that leaves must not keep the breaker half-open for ever."""
    breaker, clock = breaker_with(in_a_row=1, open_s=10.0)
    play(breaker, "f")
    clock.at_s = 10.0
    play(breaker, "?.")
    assert BreakerState.CLOSED is breaker.state


def test_calls_from_before_a_change_count_no_more():
    """A slow call that fails after the server came back does not close or open anything."""
    breaker, clock = breaker_with(in_a_row=1, open_s=10.0)
    slow, other = breaker.enter(), breaker.enter()
    play(breaker, "f")
    breaker.leave(other, failed=False)
    assert BreakerState.OPEN is breaker.state
    clock.at_s = 10.0
    play(breaker, ".")
    breaker.leave(slow, failed=True)
    assert BreakerState.CLOSED is breaker.state


@pytest.mark.parametrize(
    "wrong",
    [{"in_a_row": 0}, {"least_calls": 0}, {"window_s": 0}, {"open_s": float("nan")}, {"failure_rate": 0}],
)
def test_senseless_settings_are_refused(wrong):
    """A breaker that never or always opens is a mistake."""
    with pytest.raises(SpecError, match=next(iter(wrong))):
        BreakerSettings(**wrong)
