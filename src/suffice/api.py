"""suffice from Python: the same job as on the command line, which is a thin skin over this."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from suffice.certify.signature import keys_in, public_key
from suffice.certify.verify import Check
from suffice.certify.verify import verify as check
from suffice.ledger.home import home
from suffice.pipeline.predict import Prediction, predict_file
from suffice.pipeline.run import RunOutcome, RunSettings, run_task
from suffice.ports import Progress

_Result = TypeVar("_Result")


def run(
    task: Path | str,
    *,
    out: Path | str | None = None,
    progress: Progress | None = None,
    settings: RunSettings | None = None,
) -> RunOutcome:
    """Returns the outcome of the whole job for a task file: climb, certify, report.

    Safe to kill: the same call goes on where it stopped. `out` is the run folder (runs/NAME).

    Raises:
        SufficeError: the task file, the data, the set-up or the disk do not allow it; see its hint.
    """
    return _apart(
        lambda: run_task(
            Path(task),
            out=None if out is None else Path(out),
            settings=settings or RunSettings(),
            progress=progress or _silent,
        )
    )


def predict(
    folder: Path | str, source: Path | str, out: Path | str, *, max_usd: float | None = None
) -> Prediction:
    """Returns counts after answering every row of the file `source` into the JSON Lines file `out`.

    `max_usd` caps what this call may spend on paid tiers. Stopped there or elsewhere, the same call
    goes on after the rows that are answered.

    Raises:
        SufficeError: no bundle in the folder, an input that cannot be read, an output that cannot be
            written, a cap that is reached.
    """
    return _apart(
        lambda: predict_file(Path(folder), Path(source), Path(out), max_usd=max_usd, progress=_silent)
    )


def verify(folder: Path | str, *, key: Path | str | None = None) -> list[Check]:
    """Returns every check of a run folder's certificate; it holds if all are met.

    `key` is the signer's public key; your own where it is not given.

    Raises:
        NotCertified: there is no certificate, or it is not the trusted key's.
    """
    trusted = public_key(Path(key)) if key is not None else keys_in(home() / "keys").private.public_key()
    return check(Path(folder), trusted)


def _silent(what: str, done: float, total: float) -> None:
    """Says nothing."""


def _apart(job: Callable[[], _Result]) -> _Result:
    """Runs a job that has an event loop of its own; within a running loop (a notebook), in a thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return job()
    outcome: dict[str, Any] = {}

    def work() -> None:
        try:
            outcome["result"] = job()
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            outcome["error"] = error

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    result: _Result = outcome["result"]
    return result
