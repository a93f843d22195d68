"""Two tiers asked side by side, where the first is slow to begin: the first that begins is taken.

Dean and Barroso, The tail at scale (2013), call it a hedged request. What is given up may still be paid.
"""

import asyncio
from collections.abc import Collection

from suffice.serve.decide.asking import Asking, Tried
from suffice.serve.decide.way import Way
from suffice.serve.errors import TierFailed
from suffice.serve.ports import Tier


async def asked_side_by_side(asking: Asking, first: Tier, way: Way, *, after_s: float) -> list[Tried]:
    """Returns what became of `first`, and of the tier after it where that was asked too.

    At most one of them is kept; the other has failed, was passed up, or was given up.
    """
    started_s = asking.clock.elapsed_s()
    tasks = {asyncio.create_task(asking.ask(first, is_last=False)): (first, first.place)}
    try:
        await asyncio.wait(tasks, timeout=after_s)
        if not any(task.done() for task in tasks):
            second = way.next()
            if second is not None:
                task = asyncio.create_task(asking.ask(second, is_last=way.ahead() is None))
                tasks[task] = second, second.place
        winner = await _first_kept(tasks)
    except BaseException:
        await _give_up(tasks)
        raise
    await _give_up([task for task in tasks if task is not winner])
    given_up = TierFailed("given up: another tier began first")
    return [
        task.result()
        if task is winner or _has_ended(task)
        else asking.failed(tier, given_up, started_s=started_s, place=place)
        for task, (tier, place) in tasks.items()
    ]


async def _first_kept(tasks: Collection[asyncio.Task[Tried]]) -> asyncio.Task[Tried] | None:
    """Returns the first task whose reply is kept, None where none is."""
    pending = set(tasks)
    while pending:
        _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done() and task.result().is_kept:
                return task
    return None


def _has_ended(task: asyncio.Task[Tried]) -> bool:
    """Says whether a task ended by itself, without a reply that was kept."""
    return not task.cancelled() and not task.result().is_kept


async def _give_up(tasks: Collection[asyncio.Task[Tried]]) -> None:
    """Cancels what is at work, and leaves streams that had begun."""
    for task in tasks:
        task.cancel()
    for said in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(said, Tried):
            await said.give_up()
