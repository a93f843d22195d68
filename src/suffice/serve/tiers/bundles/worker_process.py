"""A process that holds one model and answers batches.

Run as `python -P -m suffice.serve.tiers.bundles.worker_process FOLDER`. It reads frames (`frames`) from
standard input and writes one for each to standard output, the first when the model is open. It ends
when its input does, so none outlives the gateway.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from suffice.errors import SufficeError
from suffice.models import registry
from suffice.ports import Model
from suffice.serve.tiers.bundles import frames


def main() -> int:
    """Returns 0 after answering everything, 1 where the model cannot be opened."""
    # Ctrl-C and service managers tell the whole group: the gateway is to finish what it has begun first.
    for told_to_end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(told_to_end, signal.SIG_IGN)
    # What a library prints must not get among the frames.
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    heard = os.fdopen(os.dup(0), "rb")
    with told, heard, asyncio.Runner() as runner:
        try:
            model = registry.load(Path(sys.argv[1]))
        except SufficeError as error:
            _tell(told, frames.complaint(error))
            return 1
        _tell(told, {"ready": model.name})
        while header := heard.read(frames.HEADER.size):
            asked = frames.unpacked(heard.read(frames.size_of(header)))
            _tell(told, runner.run(_reply(model, asked)))
        runner.run(model.close())
    return 0


async def _reply(model: Model, asked: Mapping[str, Any]) -> dict[str, Any]:
    requests = frames.requests_of(asked["requests"])
    try:
        if asked["do"] == "explain":
            # Imports every kind of model, which most workers never need.
            from suffice.serve.tiers.bundles.explaining import explain  # noqa: PLC0415

            return {"explanation": (await explain(model, requests[0])).to_json()}
        return {"answers": await model.answer(requests)}
    except SufficeError as error:
        return frames.complaint(error)
    except Exception as error:  # noqa: BLE001 - told to the gateway, which fails this batch and lives on
        return {"error": "ModelError", "message": f"the model failed: {error!r}", "hint": None}


def _tell(told: IO[bytes], value: Mapping[str, Any]) -> None:
    told.write(frames.packed(value))
    told.flush()


if __name__ == "__main__":
    sys.exit(main())
