"""Work that several ask for at once is done once."""

import asyncio

import pytest

from suffice.serve.call import Caller
from suffice.web.shared import Shared
from suffice.web.views import overview
from suffice.web.visit import Visit
from tests.unit.web.made_up import event, made


def test_twenty_reloads_at_once_read_the_store_once():
    """The same page of the same rows is made once; another key's rows are another page."""
    site = made(events=[event(2), event(4, key_id="k2")])

    def visit(name, *scopes):
        return overview.facts(site.pages, Visit(caller=Caller(key_id=name, scopes=frozenset(scopes))))

    async def all_at_once():
        return await asyncio.gather(*(visit("k1", "view") for _ in range(20)), visit("k2", "view"))

    *same, other = asyncio.run(all_at_once())
    assert [["req-0002"]] * 20 == [[row["id"] for row in facts["latest"]] for facts in same]
    assert ["req-0004"] == [row["id"] for row in other["latest"]]
    assert (5, 5) == (site.reads.asked_for.count("k1"), site.reads.asked_for.count("k2"))


def test_who_leaves_takes_nobody_elses_answer_away():
    """The first to ask may be gone before the work is done; the next ask is new work."""

    async def way():
        shared, begun, gate = Shared(), [], asyncio.Event()

        async def work():
            begun.append(1)
            await gate.wait()
            return len(begun)

        first, second = (asyncio.ensure_future(shared.result("a", work)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        gate.set()
        return await second, await shared.result("a", work), first.cancelled()

    assert (1, 2, True) == asyncio.run(way())


def test_an_error_is_everybodys_and_is_not_kept():
    """Who waits for work that fails gets its error; the next ask tries again."""

    async def way():
        shared, tried = Shared(), []

        async def work():
            tried.append(1)
            await asyncio.sleep(0)
            if len(tried) == 1:
                raise OSError("down")
            return "up"

        both = await asyncio.gather(*(shared.result("a", work) for _ in range(2)), return_exceptions=True)
        assert [OSError, OSError] == [type(one) for one in both]
        return await shared.result("a", work)

    assert "up" == asyncio.run(way())


@pytest.mark.parametrize("window", ["1h", "30d"])
def test_each_window_is_work_of_its_own(window):
    """What is asked for decides what is shared."""
    site = made(events=[event(2)])
    site.log_in()
    assert window == site.client.get(f"/overview.json?window={window}").json()["window"]
