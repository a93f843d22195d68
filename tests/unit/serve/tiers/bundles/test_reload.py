"""Hot reload: no request lost, no bad bundle served, no copy left."""

import asyncio
import itertools
import shutil
import threading

import pytest

from suffice.certify import statement
from suffice.serve.tiers.bundles.bundle_tier import BundleTier
from suffice.serve.tiers.bundles.serving import BundleSettings
from tests.unit.adapt import toy_desk
from tests.unit.serve.tiers import tiny_run

TEXTS = toy_desk.texts(50, seed=9)[0]


@pytest.fixture(name="rungs", scope="module")
def rungs_fixture(tmp_path_factory):
    """Returns two rungs that were taught from different numbers of rows."""
    folder = tmp_path_factory.mktemp("rungs")
    return [tiny_run.linear(folder / f"taught-{n}", n=n, name=f"taught-{n}") for n in (120, 160)]


@pytest.fixture(name="run")
def run_fixture(tmp_path, rungs):
    """Returns a certified run folder that serves the first rung."""
    return certified_run(tmp_path / "run", rungs[0])


def certified_run(folder, rung):
    """Returns the run folder after certifying a bundle of this rung alone."""
    return tiny_run.certify(tiny_run.bundle(folder, {rung.name: rung}, threshold=None))


async def opened(run, **settings):
    """Returns the tier of a run folder."""
    return await BundleTier.opened(
        BundleSettings(name="desk", folder=run, workplace=run.parent / "work", **settings)
    )


def test_a_reload_under_load_loses_nothing(run, rungs):
    """500 requests while the bundle is swapped four times: each one answered, by the old or the new."""

    async def scene():
        tier = await opened(run)
        first = tier.certified.sha256
        replies = []

        async def caller(number):
            for step in range(10):
                replies.append(await tier.answer(tiny_run.call(TEXTS[step], key_id=str(number))))
                await asyncio.sleep(0.005)

        async def swapper():
            for rung in (rungs[1], rungs[0], rungs[1], rungs[0]):
                await asyncio.to_thread(certified_run, run, rung)
                assert (await tier.reload()).is_swapped

        await asyncio.gather(swapper(), *(caller(number) for number in range(50)))
        assert 500 == len(replies)
        assert all(reply.text is not None for reply in replies)
        assert {"taught-120", "taught-160"} == {reply.model for reply in replies}
        assert {"taught-120": {first}, "taught-160": {reply.certificate for reply in replies} - {first}} == {
            model: {reply.certificate for reply in replies if reply.model == model}
            for model in ("taught-120", "taught-160")
        }
        await tier.close()
        assert [] == list((run.parent / "work").iterdir())

    asyncio.run(scene())


@pytest.mark.parametrize("damage", ["weights", "certificate", "gone"])
def test_a_bad_successor_is_refused_and_the_old_one_goes_on(run, rungs, damage):
    """Whatever lies there now: what was checked is served, and the page can say why."""

    async def scene():
        tier = await opened(run)
        before = await tier.answer(tiny_run.call(TEXTS[0]))
        certified_run(run, rungs[1])
        if damage == "weights":
            weights = run / "bundle/model/tiers/0/weights.safetensors"
            weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
        elif damage == "certificate":
            (run / statement.ENVELOPE).write_text("{}")
        else:
            shutil.rmtree(run / "bundle")
        assert tier.last_reload is None
        reloaded = await tier.reload()
        assert reloaded is tier.last_reload
        assert not reloaded.is_swapped
        wanted = {"weights": "was changed", "certificate": "damaged", "gone": "holds no bundle"}
        assert wanted[damage] in reloaded.why
        after = await tier.answer(tiny_run.call(TEXTS[0]))
        assert (before.model, before.certificate) == (after.model, after.certificate) != (None, None)
        await tier.close()

    asyncio.run(scene())


def test_a_folder_that_a_run_is_writing_is_never_served_half(run, rungs):
    """Reloads in the middle of a run's writing end with one of the certified bundles, always."""
    stop = threading.Event()

    def write():
        for rung in itertools.cycle(rungs):
            if stop.is_set():
                return
            certified_run(run, rung)

    async def scene():
        tier = await opened(run)
        writing = threading.Thread(target=write)
        writing.start()
        try:
            outcomes = []
            for number in range(40):
                outcomes.append((await tier.reload()).is_swapped)
                reply = await tier.answer(tiny_run.call(TEXTS[number]))
                # The two bundles' certificates differ, and each belongs to its rung.
                assert tier.cascade.name == reply.model
                assert reply.certificate == tier.certified.sha256
        finally:
            stop.set()
            writing.join()
        assert (await tier.reload()).is_swapped
        await tier.close()
        return outcomes

    assert any(asyncio.run(scene()))


def test_watching_reloads_what_has_changed_and_nothing_else(run, rungs):
    """A look at an unchanged folder opens nothing; a new certificate does."""

    async def scene():
        tier = await opened(run)
        looks, asleep = asyncio.Queue(), asyncio.Event()

        async def sleep(seconds):
            assert seconds == 3.0
            asleep.set()
            await looks.get()

        async def look():
            asleep.clear()
            looks.put_nowait(None)
            await asleep.wait()

        watching = asyncio.create_task(tier._reloading.watch(every_s=3.0, sleep=sleep))
        await asleep.wait()
        await look()
        assert tier.last_reload is None
        certified_run(run, rungs[1])
        await look()
        assert "taught-160" == (await tier.answer(tiny_run.call(TEXTS[0]))).model
        seen = tier.last_reload
        await look()
        assert seen is tier.last_reload
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await tier.close()

    asyncio.run(scene())
