"""A bundle in processes of its own: the same answers, and what happens when one dies."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import psutil
import pytest

from suffice.bundle import open_bundle
from suffice.errors import ArtefactError, ModelError
from suffice.ports import Request
from suffice.serve.tiers.bundles.batching import Batcher
from suffice.serve.tiers.bundles.engine import ThreadEngine
from suffice.serve.tiers.bundles.workers import WorkerDiedError, Workers
from tests.unit.adapt import toy_desk
from tests.unit.serve.tiers import tiny_run

TEXTS = [*toy_desk.texts(60, seed=7)[0], "日本語 \u202e 🙂", ""]
REQUESTS = [Request(text=text) for text in TEXTS]

pytestmark = pytest.mark.slow


@pytest.fixture(name="place", scope="module")
def place_fixture(tmp_path_factory):
    """Returns a bundle's folder, made once."""
    folder = tmp_path_factory.mktemp("workers")
    return tiny_run.bundle(folder / "run", {"linear": tiny_run.linear(folder / "linear")}) / "bundle"


@asynccontextmanager
async def workers_of(place, *, count):
    """Gives worker processes, and closes them twice."""
    workers = await Workers.opened(place, count=count, name="desk")
    try:
        yield workers
    finally:
        await workers.close()
        await workers.close()
        assert [] == workers.process_ids


def test_processes_answer_and_explain_as_the_thread_does(place):
    """Bit for bit: text, confidence, novelty, notes; and the reasons."""

    async def scene():
        thread = await ThreadEngine.opened(place, name="desk")
        try:
            here = await thread.answer(REQUESTS)
            why_here = await thread.explain(REQUESTS[0])
        finally:
            await thread.close()
            await thread.close()
        async with workers_of(place, count=1) as workers:
            assert here == await workers.answer(REQUESTS)
            assert why_here == await workers.explain(REQUESTS[0])

    asyncio.run(scene())
    assert [(a.text, a.confidence) for a in asyncio.run(open_bundle(place).model.answer(REQUESTS))] == (
        tiny_run.directly(open_bundle(place).model, TEXTS)
    )


def test_a_killed_worker_loses_no_request(place):
    """Killed in the middle of load: a new process takes its place, every request is answered."""

    async def scene():
        async with workers_of(place, count=2) as workers:
            gathering = Batcher(workers.answer, name="desk", slots=workers.slots)

            async def caller(number):
                for step in range(20):
                    answer = await gathering.ask(REQUESTS[(number + step) % 60])
                    assert answer.tier
                return True

            async def killer():
                await asyncio.sleep(0.01)
                os.kill(workers.process_ids[0], signal.SIGKILL)

            before = set(workers.process_ids)
            done = await asyncio.gather(killer(), *(caller(number) for number in range(20)))
            assert [True] * 20 == done[1:]
            await workers.answer(REQUESTS[:1])
            await asyncio.gather(workers.answer(REQUESTS[:1]), workers.answer(REQUESTS[:1]))
            assert 2 == len(workers.process_ids)
            assert before != set(workers.process_ids)

    asyncio.run(scene())


def test_a_dead_worker_is_an_error_for_a_batch_and_none_for_one(place):
    """A batch fails as retryable, so that each is tried alone; one alone finds a fresh process."""

    async def scene():
        async with workers_of(place, count=1) as workers:
            os.kill(workers.process_ids[0], signal.SIGKILL)
            with pytest.raises(WorkerDiedError) as died:
                await workers.answer(REQUESTS[:2])
            assert died.value.retryable
            answers = await workers.answer(REQUESTS[:2])
            os.kill(workers.process_ids[0], signal.SIGKILL)
            assert answers[:1] == await workers.answer(REQUESTS[:1])

    asyncio.run(scene())


def test_workers_finish_when_the_group_is_told_to_end(place):
    """Ctrl-C reaches them too; they go on until the gateway has closed them."""

    async def scene():
        async with workers_of(place, count=1) as workers:
            before = workers.process_ids
            for told_to_end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                os.kill(before[0], told_to_end)
            assert 2 == len(await workers.answer(REQUESTS[:2]))
            assert before == workers.process_ids

    asyncio.run(scene())


def test_who_gives_up_leaves_no_reply_behind(place):
    """A cancelled exchange ends unheard: the next one gets its own reply."""

    async def scene():
        async with workers_of(place, count=1) as workers:
            alone = await workers.answer(REQUESTS[5:6])
            given_up = asyncio.create_task(workers.answer(REQUESTS))
            await asyncio.sleep(0)
            given_up.cancel()
            assert alone == await workers.answer(REQUESTS[5:6])

    asyncio.run(scene())


def test_a_damaged_bundle_is_named_and_leaves_no_process(place, tmp_path):
    """What the worker cannot open is the gateway's error, of the same class."""
    (tmp_path / "model").mkdir()
    (tmp_path / "task.json").write_text((place / "task.json").read_text())

    async def scene():
        with pytest.raises(ArtefactError, match=r"holds no model"):
            async with workers_of(tmp_path, count=2):
                pass

    asyncio.run(scene())


def test_closed_workers_answer_no_more(place):
    """Asking after the end is an error, not a wait."""

    async def scene():
        async with workers_of(place, count=1) as workers:
            pass
        with pytest.raises(ModelError, match="is closed"):
            await workers.answer(REQUESTS)

    asyncio.run(scene())


def test_no_worker_outlives_a_killed_gateway(place):
    """A gateway that is killed at once, with no time to clean up, leaves no process behind."""
    program = f"""
import asyncio, sys
from pathlib import Path
from suffice.serve.tiers.bundles.workers import Workers

async def main():
    workers = await Workers.opened(Path({str(place)!r}), count=1, name="desk")
    print(workers.process_ids[0], flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as gateway:
        assert gateway.stdout is not None
        worker = psutil.Process(int(gateway.stdout.readline()))
        assert worker.is_running()
        gateway.kill()
        worker.wait(timeout=20)
