"""One thread with a loop of its own."""

import asyncio
import threading

import pytest

from suffice.errors import ModelError
from suffice.serve.tiers.bundles.work_thread import WorkThread


def test_all_work_is_done_in_one_thread_and_one_loop():
    """What is made there finds the same event loop each time, and it is not the caller's."""

    async def where():
        return threading.current_thread().name, id(asyncio.get_running_loop())

    async def scene():
        thread = WorkThread("desk")
        places = await asyncio.gather(*(thread.do(where) for _ in range(5)))
        await thread.close()
        await thread.close()
        assert 1 == len(set(places))
        assert "desk" == places[0][0]
        assert places[0][1] != id(asyncio.get_running_loop())
        with pytest.raises(ModelError, match="desk is closed"):
            await thread.do(where)

    asyncio.run(scene())


def test_the_caller_stays_awake_and_hears_of_failures():
    """The work blocks its own thread alone; what it raises arrives; who gave up is not called."""
    release = threading.Event()

    async def stuck():
        assert release.wait(20)
        return "done"

    async def broken():
        raise ZeroDivisionError("no")

    async def scene():
        thread = WorkThread("desk")
        working = asyncio.create_task(thread.do(stuck))
        given_up = asyncio.create_task(thread.do(stuck))
        failing = asyncio.create_task(thread.do(broken))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.sleep(0)
        release.set()
        assert "done" == await working
        with pytest.raises(ZeroDivisionError):
            await failing
        await thread.close()

    asyncio.run(scene())


def test_a_loop_that_has_ended_is_not_called():
    """Work whose asker's loop is gone ends quietly, and the thread goes on."""
    release = threading.Event()
    thread = WorkThread("desk")

    async def stuck():
        assert release.wait(20)

    async def ask():
        task = asyncio.create_task(thread.do(stuck))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(ask())
    release.set()

    async def three():
        return 3

    async def scene():
        assert 3 == await thread.do(three)
        await thread.close()

    asyncio.run(scene())
