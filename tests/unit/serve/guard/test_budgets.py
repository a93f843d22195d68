"""Budgets: exact in one process, sliding minutes, days that survive restarts, clocks that step."""

import asyncio
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from suffice.serve.errors import LimitReached
from suffice.serve.guard.budgets import Budgets
from suffice.serve.guard.windows import Minute
from suffice.serve.key import Limits, Spent
from tests.unit.serve.guard.memory import NOON, HandClock, MemorySpending


def admitted(budgets, limits, *, most=1000):
    """Returns how many requests are let in before one is refused, and the refusal."""
    for number in range(most):
        try:
            budgets.admit("k", limits)
        except LimitReached as error:
            return number, error
    return most, None


def test_requests_per_minute_are_exact_and_come_back_when_the_error_says():
    """Not one too many; Retry-After is when the next fits, not earlier."""
    clock = HandClock()
    budgets = Budgets(clock=clock)
    limits = Limits(requests_per_minute=5)
    number, error = admitted(budgets, limits)
    assert 5 == number
    assert 429 == error.status
    assert "5 requests per minute" in error.message
    clock.tick(error.retry_after_s - 0.01)
    with pytest.raises(LimitReached):
        budgets.admit("k", limits)
    clock.tick(0.01)
    assert 5 == admitted(budgets, limits)[0]


def test_no_sixty_seconds_hold_more_than_the_limit():
    """Whatever the arrivals: the property of the sliding window that a fixed one lacks."""
    random = np.random.default_rng(7)
    clock = HandClock()
    budgets = Budgets(clock=clock)
    limits = Limits(requests_per_minute=20)
    let_in = []
    for _ in range(3000):
        clock.tick(float(random.exponential(0.7)))
        try:
            budgets.admit("k", limits)
        except LimitReached:
            continue
        let_in.append(clock.elapsed_s())
    times = np.array(let_in)
    inside = np.searchsorted(times, times + 60.0, side="right") - np.arange(len(times))
    assert 20 >= inside.max()
    assert len(times) > 0.9 * 20 * (times[-1] - times[0]) / 61


def test_a_refused_request_counts_nowhere():
    """One that the day refuses is not taken from the minute."""
    clock = HandClock()
    budgets = Budgets(clock=clock)
    limits = Limits(requests_per_minute=3, requests_per_day=2)
    assert 2 == admitted(budgets, limits)[0]
    assert Spent(requests=2) == budgets.spent_today("k")
    assert 1 == admitted(budgets, Limits(requests_per_minute=3))[0]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(tokens_per_minute=100), "100 tokens per minute"),
        (Limits(tokens_per_day=100), "100 tokens per day"),
        (Limits(usd_per_minute=0.5), "$0.5 per minute"),
        (Limits(usd_per_day=0.5), "$0.5 per day"),
    ],
)
def test_tokens_and_money_stop_the_call_after_the_one_that_used_them_up(limits, words):
    """They are known when a call ends: the call that passes the budget is answered, the next is not."""
    clock = HandClock()
    budgets = Budgets(clock=clock)
    for _ in range(2):
        budgets.admit("k", limits)
        budgets.charge("k", limits, tokens=50, usd=0.25)
    with pytest.raises(LimitReached) as caught:
        budgets.admit("k", limits)
    assert words in caught.value.message
    clock.tick(caught.value.retry_after_s)
    budgets.admit("k", limits)


def test_keys_have_budgets_of_their_own():
    """What one key used up does not stop another."""
    budgets = Budgets(clock=HandClock())
    limits = Limits(requests_per_minute=1)
    budgets.admit("a", limits)
    budgets.admit("b", limits)
    with pytest.raises(LimitReached):
        budgets.admit("a", limits)


def test_a_day_ends_at_midnight_utc():
    """Retry-After is the seconds until then, and then the budget is whole again."""
    clock = HandClock(NOON)
    budgets = Budgets(clock=clock)
    limits = Limits(requests_per_day=1)
    number, error = admitted(budgets, limits)
    assert (1, "budget_exceeded", 12 * 3600.0) == (number, error.code, error.retry_after_s)
    clock.tick(12 * 3600 - 1)
    assert 0 == admitted(budgets, limits)[0]
    clock.tick(1)
    assert 1 == admitted(budgets, limits)[0]


def test_a_day_survives_a_restart():
    """A new process sums today's kept events, from the day's first moment."""
    spending = MemorySpending(k=Spent(requests=7, tokens=70, usd=0.7))
    budgets = Budgets(clock=HandClock(), spending=spending)
    asyncio.run(budgets.refresh())
    assert [datetime(2026, 11, 22, tzinfo=UTC)] == spending.asked
    assert 3 == admitted(budgets, Limits(requests_per_day=10))[0]
    with pytest.raises(LimitReached):
        budgets.admit("k", Limits(tokens_per_day=70))


def test_several_gateways_share_a_day_at_each_refresh():
    """The store's sum goes before the own count where it is larger, never below it."""
    spending = MemorySpending(k=Spent(requests=8))
    budgets = Budgets(clock=HandClock(), spending=spending)
    limits = Limits(requests_per_day=10)
    for _ in range(3):
        budgets.admit("k", limits)
    asyncio.run(budgets.refresh())
    assert Spent(requests=8) == budgets.spent_today("k")
    spending.sums = {"k": Spent(requests=1)}
    asyncio.run(budgets.refresh())
    assert 2 == admitted(budgets, limits)[0]


def test_a_gateway_alone_sums_the_events_once():
    """Its own count is exact from then on, and a large store is not read every few seconds."""
    spending = MemorySpending(k=Spent(requests=8))
    budgets = Budgets(clock=HandClock(), spending=spending, is_shared=False)
    for _ in range(3):
        asyncio.run(budgets.refresh())
    assert 1 == len(spending.asked)
    assert Spent(requests=8) == budgets.spent_today("k")


@pytest.mark.parametrize("back_s", [1, 3600, 13 * 3600, 400 * 86400])
def test_a_clock_that_steps_back_neither_frees_nor_locks(back_s):
    """The used-up day stays used up, and still ends after its 24 hours."""
    clock = HandClock(NOON)
    budgets = Budgets(clock=clock)
    limits = Limits(requests_per_day=1, requests_per_minute=100)
    budgets.admit("k", limits)
    clock.wall -= timedelta(seconds=back_s)
    asyncio.run(budgets.refresh())
    with pytest.raises(LimitReached) as caught:
        budgets.admit("k", limits)
    assert 12 * 3600 == pytest.approx(caught.value.retry_after_s)
    clock.tick(12 * 3600)
    budgets.admit("k", limits)


def test_a_clock_that_steps_back_across_midnight_does_not_repeat_the_day():
    """Just after midnight the clock goes back an hour: the new day's budget is not given twice."""
    clock = HandClock(datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC))
    budgets = Budgets(clock=clock)
    limits = Limits(requests_per_day=1)
    budgets.admit("k", limits)
    clock.tick(2)
    budgets.admit("k", limits)
    clock.wall -= timedelta(hours=1)
    asyncio.run(budgets.refresh())
    clock.tick(3600)
    asyncio.run(budgets.refresh())
    assert 0 == admitted(budgets, limits)[0]


def test_a_minute_does_not_care_for_the_wall():
    """Steps of the wall clock change nothing within a minute, forwards or back."""
    clock = HandClock()
    budgets = Budgets(clock=clock)
    limits = Limits(requests_per_minute=1)
    budgets.admit("k", limits)
    for step in (-86400, 30 * 86400):
        clock.wall += timedelta(seconds=step)
        with pytest.raises(LimitReached):
            budgets.admit("k", limits)


def test_after_a_sleep_the_day_is_the_wall_clocks():
    """A laptop's steady clock stands still while it sleeps: the refresh finds the new day."""
    clock = HandClock()
    budgets = Budgets(clock=clock)
    limits = Limits(requests_per_day=1)
    budgets.admit("k", limits)
    clock.wall += timedelta(hours=20)
    asyncio.run(budgets.refresh())
    budgets.admit("k", limits)


def test_a_minutes_sum_does_not_drift():
    """Ten thousand additions of a tenth leave no rounding behind once they are old."""
    minute = Minute()
    now_s = 50.0
    for _ in range(10_000):
        minute.add(0.1, now_s)
        now_s += 0.05
    assert 0.0 == minute.used(now_s + 61)
