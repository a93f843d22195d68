"""Micro-batches: what is gathered, what is dropped, and whom a failure concerns."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from suffice.clock import FakeClock
from suffice.serve.errors import LimitReached, TierFailed
from suffice.serve.tiers.bundles.batching import Batcher, Batching


class Oracle:
    """Doubles numbers when it is let; remembers the batches; breaks on batches that hold `poison`."""

    def __init__(self, *, poison: int | None = None) -> None:
        self.batches: list[list[int]] = []
        self.open = asyncio.Event()
        self.poison = poison

    async def __call__(self, items: Sequence[int]) -> list[int]:
        """Returns the doubles."""
        self.batches.append(list(items))
        await self.open.wait()
        if self.poison in items:
            raise ArithmeticError(f"cannot double {self.poison}")
        return [2 * item for item in items]


def batcher(work: Oracle, *, slots: int = 1, clock: FakeClock | None = None, **settings: float) -> Batcher:
    """Returns a batcher over the oracle."""
    return Batcher(work, Batching(**settings), name="desk", slots=slots, clock=clock)


async def turns(count: int = 3) -> None:
    """Lets the loop turn."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_an_idle_model_is_asked_at_once():
    """One request alone is a batch of one, in the next turn of the loop."""

    async def scene() -> None:
        work = Oracle()
        work.open.set()
        assert 14 == await asyncio.wait_for(batcher(work).ask(7), 1.0)
        assert [[7]] == work.batches

    asyncio.run(scene())


def test_what_comes_in_one_turn_is_one_batch_and_what_comes_meanwhile_the_next():
    """Batches grow with the load by themselves, up to their bound."""

    async def scene() -> None:
        work = Oracle()
        gathering = batcher(work, most=4)
        first = [asyncio.create_task(gathering.ask(item)) for item in range(2)]
        await turns()
        rest = [asyncio.create_task(gathering.ask(item)) for item in range(2, 8)]
        await turns()
        assert [[0, 1]] == work.batches
        assert (6, 2) == (gathering.load.waiting, gathering.load.running)
        work.open.set()
        assert [2 * item for item in range(8)] == await asyncio.gather(*first, *rest)
        assert [[0, 1], [2, 3, 4, 5], [6, 7]] == work.batches
        assert (0, 0, 8, 3) == (
            gathering.load.waiting,
            gathering.load.running,
            gathering.load.answered,
            gathering.load.batches,
        )

    asyncio.run(scene())


def test_two_slots_share_what_waits():
    """Two processes are given half of the queue each, not all and nothing."""

    async def scene() -> None:
        work = Oracle()
        gathering = batcher(work, slots=2)
        asked = [asyncio.create_task(gathering.ask(item)) for item in range(6)]
        await turns()
        assert [[0, 1, 2], [3, 4, 5]] == work.batches
        work.open.set()
        await asyncio.gather(*asked)

    asyncio.run(scene())


def test_a_batch_may_wait_for_company():
    """With `wait_ms` a single request waits for others; a full batch does not wait."""

    async def scene() -> None:
        work = Oracle()
        work.open.set()
        gathering = batcher(work, most=2, wait_ms=20.0)
        alone = asyncio.create_task(gathering.ask(1))
        await turns()
        assert [] == work.batches
        assert 4 == await gathering.ask(2)
        assert 2 == await alone
        assert [[1, 2]] == work.batches
        assert 6 == await asyncio.wait_for(gathering.ask(3), 1.0)

    asyncio.run(scene())


def test_a_full_queue_says_when_to_come_again():
    """429, with the time the queue takes by the measured rate; who waits is not harmed."""

    async def scene() -> None:
        work = Oracle()
        gathering = batcher(work, clock=FakeClock(datetime.now(UTC), step_s=0.5), most=1, queue=2)
        asked = [asyncio.create_task(gathering.ask(0))]
        await turns()
        asked += [asyncio.create_task(gathering.ask(item)) for item in (1, 2)]
        await turns()
        with pytest.raises(LimitReached, match="2 requests waiting") as refused:
            await gathering.ask(3)
        assert ("queue_full", 429, 1.0) == (
            refused.value.code,
            refused.value.status,
            refused.value.retry_after_s,
        )
        work.open.set()
        assert [0, 2, 4] == await asyncio.gather(*asked)
        work.open.clear()
        asked = [asyncio.create_task(gathering.ask(item)) for item in range(3)]
        await turns()
        with pytest.raises(LimitReached) as refused:
            await gathering.ask(3)
        assert gathering.load.per_second == pytest.approx(2.0)
        assert refused.value.retry_after_s == pytest.approx(1.0)
        work.open.set()
        assert 3 == len(await asyncio.gather(*asked, return_exceptions=True))

    asyncio.run(scene())


def test_one_tenant_cannot_starve_the_others():
    """500 waiting requests of one caller do not delay another's by more than one turn."""

    async def scene() -> None:
        work = Oracle()
        gathering = batcher(work, most=2, queue=500)
        flood = [asyncio.create_task(gathering.ask(item, owner="flood")) for item in range(502)]
        await turns()
        mine = asyncio.create_task(gathering.ask(9_000, owner="ann"))
        await turns()
        work.open.set()
        assert 18_000 == await mine
        assert 2 >= next(at for at, batch in enumerate(work.batches) if 9_000 in batch)
        refused = [one for one in await asyncio.gather(*flood, return_exceptions=True) if one is not None]
        assert all(isinstance(one, int | LimitReached) for one in refused)
        assert 0 < sum(isinstance(one, LimitReached) for one in refused) <= 3

    asyncio.run(scene())


def test_who_gives_up_is_no_work():
    """A cancelled request leaves the queue, and is in no batch."""

    async def scene() -> None:
        work = Oracle()
        gathering = batcher(work)
        asked = [asyncio.create_task(gathering.ask(item)) for item in range(2)]
        await turns()
        gone, stays = (asyncio.create_task(gathering.ask(item)) for item in (2, 3))
        await turns()
        gone.cancel()
        asked[0].cancel()  # already being computed: only its result is not wanted
        await turns()
        assert 1 == gathering.load.waiting
        work.open.set()
        assert 6 == await stays
        assert 2 == await asked[1]
        assert [[0, 1], [3]] == work.batches

    asyncio.run(scene())


def test_whose_time_is_up_is_no_work():
    """A request whose deadline passed in the queue fails as such, unanswered."""

    async def scene() -> None:
        work = Oracle()
        work.open.set()
        gathering = batcher(work, clock=FakeClock(datetime.now(UTC), step_s=1.0))
        late, in_time = await asyncio.gather(
            gathering.ask(1, deadline_s=0.5), gathering.ask(2, deadline_s=99.0), return_exceptions=True
        )
        assert 4 == in_time
        assert isinstance(late, TierFailed)
        assert [[2]] == work.batches

    asyncio.run(scene())


def test_a_poisonous_request_fails_alone():
    """The batch it spoils is tried one by one: the others are answered."""

    async def scene() -> None:
        work = Oracle(poison=2)
        work.open.set()
        given = await asyncio.gather(*(map(batcher(work).ask, range(4))), return_exceptions=True)
        assert [0, 2, 6] == [one for one in given if isinstance(one, int)]
        assert ["cannot double 2"] == [str(one) for one in given if isinstance(one, ArithmeticError)]
        assert [[0, 1, 2, 3], [0], [1], [2], [3]] == work.batches

    asyncio.run(scene())


def test_answers_that_cannot_be_told_apart_reach_nobody():
    """A model that answers fewer than it was asked fails: nobody is given another's answer."""

    async def scene():
        async def work(items):
            return items[1:]

        given = await asyncio.gather(*map(Batcher(work, name="desk").ask, range(3)), return_exceptions=True)
        assert ["desk gave 0 answers to 1 requests"] * 3 == [str(one) for one in given]

    asyncio.run(scene())


def test_draining_waits_for_everyone():
    """After it nothing waits and nothing is computed."""

    async def scene() -> None:
        work = Oracle()
        gathering = batcher(work, most=1)
        asked = [asyncio.create_task(gathering.ask(item)) for item in range(5)]
        await turns()
        draining = asyncio.create_task(gathering.drain())
        await turns()
        assert not draining.done()
        work.open.set()
        await draining
        assert [0, 2, 4, 6, 8] == [one.result() for one in asked]

    asyncio.run(scene())
