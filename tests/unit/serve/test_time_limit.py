"""A time limit ends waits that last too long, and nothing else."""

import asyncio

import pytest

from suffice.serve.time_limit import TimeLimit


def run(main):
    """Returns what a coroutine function returns."""
    return asyncio.run(main())


@pytest.mark.parametrize("seconds", [0.01, 0.0, -1.0])
def test_a_wait_that_is_too_long_is_a_timeout(seconds):
    """Also where the time is over before it begins."""

    async def main():
        with pytest.raises(TimeoutError), TimeLimit(seconds):
            await asyncio.sleep(5)
        await asyncio.sleep(0)  # the task goes on
        return asyncio.current_task().cancelling()

    assert 0 == run(main)


@pytest.mark.parametrize("seconds", [5.0, float("inf")])
def test_what_ends_in_time_is_left_alone(seconds):
    """No timer is left behind."""

    async def main():
        with TimeLimit(seconds):
            await asyncio.sleep(0)
        return "done"

    assert "done" == run(main)


def test_errors_of_the_block_come_through():
    """They are not taken for a timeout."""

    async def fail():
        await asyncio.sleep(0)
        raise ZeroDivisionError

    async def main():
        with pytest.raises(ZeroDivisionError), TimeLimit(5.0):
            await fail()

    run(main)


def test_a_cancelled_task_stays_cancelled():
    """Who cancels from outside is obeyed, also in the moment in which the time is over."""

    async def block(limit_s):
        with TimeLimit(limit_s):
            await asyncio.sleep(5)

    async def main(limit_s):
        task = asyncio.create_task(block(limit_s))
        await asyncio.sleep(0)
        if limit_s == 0.0:
            task.get_loop().call_soon(task.cancel)
        else:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    for limit_s in (5.0, 0.0):
        asyncio.run(main(limit_s))


def test_limits_nest():
    """The inner one ends its own block only."""

    async def main():
        with TimeLimit(5.0):
            with pytest.raises(TimeoutError), TimeLimit(0.01):
                await asyncio.sleep(5)
            await asyncio.sleep(0)
        with pytest.raises(TimeoutError), TimeLimit(0.01), TimeLimit(5.0):
            await asyncio.sleep(5)

    run(main)


def test_it_needs_a_task():
    """There is nothing to cancel elsewhere."""
    with pytest.raises(RuntimeError), TimeLimit(1.0):
        pass
