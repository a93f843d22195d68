"""The resident memory of the process that serves, and how long it takes to be ready."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice.measure.quantiles import Quantity, median
from suffice.measurement import Measurement, not_measured
from suffice.ports import Model, Request

_QUANTITIES = {
    "memory_bytes": Quantity(name="memory_bytes", unit="bytes"),
    "memory_baseline_bytes": Quantity(name="memory_baseline_bytes", unit="bytes"),
    "load_ms": Quantity(name="load_ms", unit="ms"),
}
_READ_FROM = {"memory_bytes": "peak_bytes", "memory_baseline_bytes": "baseline_bytes", "load_ms": "load_ms"}
# Every library that has threads of its own reads its number from one of these.
_THREAD_SETTINGS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class MemoryMeter:
    """Starts a fresh process that loads the artefacts and answers, and reads its highest resident memory.

    The whole process counts, interpreter and libraries too: that is what a machine must have. What
    a bare interpreter takes is given apart. One start is one reading; six give an interval.
    """

    folders: Sequence[Path]
    starts: int = 1
    threads: int = 1
    batch: int = 64
    limit_s: float = 300.0

    async def measure(self, model: Model, requests: Sequence[Request]) -> list[Measurement]:
        """Returns memory_bytes, memory_baseline_bytes, load_ms."""
        if not self.folders:
            return _nothing(f"{model.name} is not served by a process on this machine")
        texts = [request.text for request in requests[: self.batch]]
        wish = json.dumps({"folders": [str(folder.resolve()) for folder in self.folders], "texts": texts})
        readings: list[dict[str, Any]] = []
        for _ in range(self.starts):
            reading = await self._start(wish.encode())
            if isinstance(reading, str):
                return _nothing(reading)
            readings.append(reading)
        return [self._summary(name, readings) for name in _QUANTITIES]

    def _summary(self, name: str, readings: Sequence[dict[str, Any]]) -> Measurement:
        quantity = _QUANTITIES[name]
        values = [reading[_READ_FROM[name]] for reading in readings]
        if any(value is None for value in values):
            return not_measured(name, quantity.unit, why="this system does not tell a process's memory")
        several = median(quantity, values)
        if several.value is not None:
            return several
        # Too few starts for an interval: the largest reading stands for itself.
        return Measurement(quantity=name, value=float(max(values)), unit=quantity.unit, n=len(values))

    async def _start(self, wish: bytes) -> dict[str, Any] | str:
        """Returns one process's readings, or why there are none."""
        environment = os.environ | dict.fromkeys(_THREAD_SETTINGS, str(self.threads))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "suffice.measure.serving_process"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
        try:
            async with asyncio.timeout(self.limit_s):
                out, complaints = await process.communicate(wish)
        except TimeoutError:
            return f"the serving process did not finish within {self.limit_s:g} s"
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            last = complaints.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no message"]
            return f"the serving process ended with status {process.returncode}: {last[0][:200]}"
        reading: dict[str, Any] = json.loads(out)
        return reading


def _nothing(why: str) -> list[Measurement]:
    return [not_measured(quantity.name, quantity.unit, why=why) for quantity in _QUANTITIES.values()]
