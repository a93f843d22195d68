"""The energy of one answer: what the machine takes while answering, above what it takes idle."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from suffice.clock import Clock, SystemClock
from suffice.errors import ModelError
from suffice.measure.counters import Counter
from suffice.measure.quantiles import Quantity, median
from suffice.measurement import Measurement, not_measured
from suffice.ports import Model, Request

_ENERGY = Quantity(name="energy_j", unit="j")


@dataclass(frozen=True, kw_only=True)
class EnergyMeter:
    """Takes turns between idle and answering windows, and divides the difference by the answers.

    Where a window comes out at or below 0 J the noise of the machine is larger than what is
    measured: that is unknown, never 0. Other work on the machine spoils the measurement. `why_none` says
    of counters that are there why they cannot be read.
    """

    counters: Sequence[Counter]
    why_none: Sequence[str] = ()
    windows: int = 6
    window_s: float = 0.5
    clock: Clock = field(default_factory=SystemClock)
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep

    async def measure(self, model: Model, requests: Sequence[Request]) -> list[Measurement]:
        """Returns energy_j: the median over windows of joules per request above idle."""
        if not self.counters:
            return _nothing("; ".join(self.why_none) or "no energy counter on this machine")
        if not requests:
            return _nothing("no requests to answer")
        try:
            await model.answer(requests[:1])
            readings = [await self._window(model, requests) for _ in range(self.windows)]
        except ModelError as error:
            return _nothing(f"the model failed: {error.message}")
        except OSError as error:
            return _nothing(f"an energy counter cannot be read any more: {error}")
        if lost := sum(reading <= 0 for reading in readings):
            return _nothing(f"{lost} of {len(readings)} windows were at or below the idle machine's energy")
        return [median(_ENERGY, readings)]

    async def _window(self, model: Model, requests: Sequence[Request]) -> float:
        """Returns the joules per request of one answering window, less the idle window before it."""
        idle_j, idle_s = self._total_j(), self.clock.elapsed_s()
        await self.sleep(self.window_s)
        idle_w = (self._total_j() - idle_j) / max(self.clock.elapsed_s() - idle_s, 1e-9)

        start_j, start_s = self._total_j(), self.clock.elapsed_s()
        answered, took_s = 0, 0.0
        while took_s < self.window_s or answered == 0:
            await model.answer([requests[answered % len(requests)]])
            answered += 1
            took_s = self.clock.elapsed_s() - start_s
        return (self._total_j() - start_j - idle_w * took_s) / answered

    def _total_j(self) -> float:
        return sum(counter.read_j() for counter in self.counters)


def _nothing(why: str) -> list[Measurement]:
    return [not_measured(_ENERGY.name, _ENERGY.unit, why=why)]
