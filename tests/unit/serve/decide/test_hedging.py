"""Two tiers side by side: the first that begins is taken, the other is given up for good."""

import asyncio

import pytest

from suffice.serve.decide.walk import Walk
from suffice.serve.errors import NobodyAnswered
from suffice.serve.reply import Place, Verdict
from suffice.serve.tiers.human import HumanTier
from tests.unit.serve.decide.fake_tiers import StillClock, a_call, a_route, broken, local, remote


def walk(*tiers, call=None, hedge_after_s=0.01):
    """Returns the outcome of a call over these tiers."""
    found = Walk({tier.name: tier for tier in tiers}, clock=StillClock())
    route = a_route(*(tier.name for tier in tiers), hedge_after_s=hedge_after_s)
    return asyncio.run(found(route, call or a_call()))


def told(outcome):
    """Returns tiers and verdicts."""
    return ", ".join(f"{step.tier} {step.verdict.value}" for step in outcome.steps)


def test_a_quick_tier_is_asked_alone():
    """Nothing is asked twice without need."""
    second = remote("b")
    assert "a answered" == told(walk(remote("a"), second))
    assert [] == second.calls


def test_without_hedging_a_slow_tier_is_waited_for():
    """It is off by default."""
    second = remote("b")
    assert "a answered" == told(walk(remote("a", after_s=0.03), second, hedge_after_s=None))
    assert [] == second.calls


def test_a_slow_tier_is_overtaken():
    """The step of the one that was given up says that the call was sent there."""
    slow = remote("a", after_s=5.0)
    outcome = walk(slow, remote("b"))
    assert "a failed, b answered" == told(outcome)
    assert "given up: another tier began first" == outcome.steps[0].why
    assert 1 == slow.cancelled


def test_a_slow_server_that_is_trusted_as_local_is_overtaken_too():
    """It is a server as any other, in all but what it may be given."""
    slow = remote("a", after_s=5.0)
    slow.place = Place.TRUSTED_LOCAL
    assert "a failed, b answered" == told(walk(slow, remote("b")))


def test_the_first_may_still_win():
    """The hedge is given up then."""
    second = remote("b", after_s=5.0)
    outcome = walk(remote("a", after_s=0.15), second)
    assert "a answered, b failed" == told(outcome)
    assert "a" == outcome.reply.tier
    assert 1 == second.cancelled


def test_a_failure_leaves_the_other_its_chance():
    """The first that begins wins, not the first that fails."""
    assert "a failed, b answered" == told(walk(broken("a", after_s=0.02), remote("b", after_s=0.04)))
    assert "a answered, b failed" == told(walk(remote("a", after_s=0.15), broken("b")))


def test_a_reply_that_is_passed_up_does_not_win():
    """What is not kept has not answered."""
    call = a_call(answer_schema={})
    outcome = walk(remote("a", after_s=0.15, text="{}"), remote("b", text="no json"), call=call)
    assert "a answered, b escalated" == told(outcome)


def test_after_two_failures_the_third_is_asked():
    """Hedging changes the time, not the way."""
    assert "a failed, b failed, c answered" == told(walk(broken("a", after_s=0.02), broken("b"), remote("c")))


def test_all_fail():
    """The steps tell of both."""
    with pytest.raises(NobodyAnswered) as caught:
        walk(broken("a", after_s=0.02), broken("b", after_s=0.02))
    assert [Verdict.FAILED, Verdict.FAILED] == [step.verdict for step in caught.value.steps]


def test_local_tiers_and_people_are_not_hedged():
    """Only a remote tier is slow to begin, and a person is asked only when no machine answers."""
    second = remote("b")
    assert "small answered" == told(walk(local(after_s=0.03), second))
    assert "a answered" == told(walk(remote("a", after_s=0.03), HumanTier("people", None)))


def test_a_call_that_stays_is_not_hedged_outside():
    """The tier beside must be permitted, too."""
    outside = remote("b")
    outcome = walk(remote("a"), outside, local(after_s=0.03), call=a_call(local_only=True))
    assert "a skipped, b skipped, small answered" == told(outcome)
    assert [] == outside.calls


def test_streams_that_lose_are_left():
    """Two that begin in the same moment: one is read, the other's connection is closed."""
    first, second = remote("a", streams=True, after_s=0.02), remote("b", streams=True, after_s=0.01)
    outcome = walk(first, second, call=a_call(stream=True))
    winner = outcome.streaming.tier
    assert {"a": winner != "a", "b": winner != "b"} == {
        "a": first.chunks.left or bool(first.cancelled),
        "b": second.chunks.left or bool(second.cancelled),
    }


def test_cancelling_cancels_both():
    """A client that leaves leaves nothing at work."""
    first, second = remote("a", after_s=5.0), remote("b", after_s=5.0)

    async def run():
        walking = Walk({"a": first, "b": second}, clock=StillClock())
        task = asyncio.create_task(walking(a_route("a", "b", hedge_after_s=0.005), a_call()))
        await asyncio.sleep(0.03)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert (1, 1) == (first.cancelled, second.cancelled)
