"""A process that records events and feedback as fast as it can, and says on standard output what is kept.

Run as a script with a folder and the store's address; a test kills it.
"""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from suffice.clock import SystemClock
from suffice.serve.audit.keeper import Keeper
from suffice.serve.audit.log import Terms
from suffice.serve.audit.opening import open_log
from suffice.serve.audit.settings import AuditSettings
from suffice.serve.call import Caller
from suffice.serve.event import Event
from suffice.serve.journal import Recorder, source_of
from suffice.serve.judgement import Judgement
from suffice.serve.reply import Place
from suffice.serve.store.opened import Store, open_store
from suffice.serve.store.settings import StoreSettings


def opened(folder: Path, url: str) -> tuple[Recorder, Store]:
    """Returns a journal and its store, as a gateway opens them."""
    from suffice.certify.signature import keys_in  # noqa: PLC0415 - beside the key's place

    clock = SystemClock()
    settings = AuditSettings(
        folder=folder / "log", anchor=folder / "anchor.json", sync_s=0.05, checkpoint_s=0.1
    )
    log = open_log(settings, keys_in(folder / "keys"), clock, Terms(looked_for=frozenset({"phi"})))
    store = open_store(StoreSettings(url=url), clock, source=source_of(log))
    return Recorder(log=log, keeper=Keeper(log, clock), writer=store.writer), store


async def say(line: str) -> None:
    """Acknowledges: once this is written somebody may rely on it."""
    os.write(1, f"{line}\n".encode())


async def record_for_ever(journal: Recorder, run: str) -> None:
    """Records events, each acknowledged at once."""
    sample = Event(
        id="", at=SystemClock().now(), key_id="alpha", route="r", operation="chat", requested_model="m",
        status=200, tier="t", place=Place.LOCAL,
    )  # fmt: skip
    number = 0
    while True:
        for _ in range(10):
            journal.record(replace(sample, id=f"{run}-{number}"))
            await say(f"event {run}-{number}")
            number += 1
        await asyncio.sleep(0.002)


async def judge_for_ever(store: Store, run: str) -> None:
    """Sends feedback on calls, each acknowledged once it is kept."""
    caller = Caller(key_id="alpha")
    number = 0
    while True:
        said = Judgement(request_id=f"{run}-{number}", key_id="alpha", at=SystemClock().now(), correct=True)
        await store.feedback.keep(said, caller)
        await say(f"feedback {run}-{number}")
        number += 1


async def main(folder: Path, url: str, run: str) -> None:
    """Works until it is killed."""
    journal, store = opened(folder, url)
    journal.check()
    recording = asyncio.create_task(record_for_ever(journal, run))
    await asyncio.sleep(0.1)
    await asyncio.gather(recording, judge_for_ever(store, run))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
