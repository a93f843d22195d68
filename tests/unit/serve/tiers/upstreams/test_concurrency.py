"""Places at a server: none is given twice, none is lost, whoever leaves the queue, and when."""

import asyncio
import random

import pytest

from suffice.serve.errors import LimitReached
from suffice.serve.tiers.upstreams.concurrency import Places


def test_first_come_first_served():
    """Who waits is served in order, and nobody passes the queue."""

    async def run():
        places, served = Places("big", places=1, queue=9, queue_s=5.0), []

        async def one(number):
            await places.take(left_s=5.0)
            served.append(number)
            assert 1 == places.taken
            await asyncio.sleep(0)
            places.give_back()

        tasks = [asyncio.create_task(one(number)) for number in range(5)]
        await asyncio.sleep(0)
        assert not places.take_free()
        await asyncio.gather(*tasks)
        return served, places.taken, places.waiting

    assert ([0, 1, 2, 3, 4], 0, 0) == asyncio.run(run())


@pytest.mark.parametrize("gives_back_first", [True, False])
def test_a_place_given_to_one_who_leaves_at_that_moment_is_not_lost(gives_back_first):
    """It goes to the next one, or is free."""

    async def run():
        places = Places("big", places=1, queue=9, queue_s=5.0)
        assert places.take_free()
        leaving = asyncio.create_task(places.take(left_s=5.0))
        staying = asyncio.create_task(places.take(left_s=5.0))
        await asyncio.sleep(0)
        if gives_back_first:
            places.give_back()
            leaving.cancel()
        else:
            leaving.cancel()
            places.give_back()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        await staying
        assert (1, 0) == (places.taken, places.waiting)
        places.give_back()
        return places.take_free()

    assert asyncio.run(run())


def test_who_waits_too_long_leaves_the_queue():
    """The shorter of the queue's and the call's time counts."""

    async def run():
        places = Places("big", places=1, queue=1, queue_s=5.0)
        assert places.take_free()
        with pytest.raises(LimitReached, match=r"no place came free within 0\.01 s"):
            await places.take(left_s=0.01)
        return places.taken, places.waiting

    assert (1, 0) == asyncio.run(run())


@pytest.mark.parametrize("seed", range(5))
def test_under_whatever_happens_places_add_up(seed):
    """Calls that end, are cancelled or run out of time: never more at work than places, none lost."""
    rng = random.Random(seed)

    async def run():
        places, most = Places("big", places=3, queue=50, queue_s=0.005), 0

        async def one():
            nonlocal most
            if not places.take_free():
                await places.take(left_s=rng.choice([0.0, 0.001, 1.0]))
            try:
                most = max(most, places.taken)
                await asyncio.sleep(rng.choice([0.0, 0.0, 0.001]))
            finally:
                places.give_back()

        tasks = []
        for _ in range(300):
            tasks.append(asyncio.create_task(one()))
            if rng.random() < 0.3:
                rng.choice(tasks).cancel()
            if rng.random() < 0.3:
                await asyncio.sleep(0)
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(one) for one in done} <= {type(None), LimitReached, asyncio.CancelledError}
        return most, places.taken, places.waiting

    assert (3, 0, 0) == asyncio.run(run())
