"""How long an answer takes, one request at a time, and how many are answered per second in batches."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from suffice.clock import Clock, SystemClock
from suffice.errors import ModelError
from suffice.measure.quantiles import Quantity, median, quantile
from suffice.measurement import Measurement, not_measured
from suffice.ports import Answer, Model, Request

_PERCENTILES = (50, 95, 99)
_THROUGHPUT = Quantity(name="throughput_per_s", unit="per_s")
_CPU_SHARE = Quantity(name="cpu_share", unit="share")


def percentiles(latencies_ms: Sequence[float]) -> list[Measurement]:
    """Returns p50, p95 and p99 of latencies, each with its interval or why it has none."""
    return [
        quantile(Quantity(name=f"latency_p{p}_ms", unit="ms"), latencies_ms, p / 100) for p in _PERCENTILES
    ]


def stated_latency(answers: Sequence[Answer]) -> list[Measurement]:
    """Returns the percentiles of the latencies that answers state themselves: recorded or remote models."""
    stated = [answer.latency_ms for answer in answers if answer.latency_ms is not None]
    if not stated:
        return _nothing("the model's answers state no latency")
    return percentiles(stated)


@dataclass(frozen=True, kw_only=True)
class LatencyMeter:
    """Times requests one by one, tokenising included, after a warm-up, on this process's threads.

    Requests are taken in turn and again from the start until `timed` readings are there or
    `budget_s` is used up, but never fewer than `at_least`, so that p95 has an interval.

    Beside them stands cpu_share: processor seconds of this process per timed second. A local model
    on one thread has about 1; well below it, other work on the machine took its time, and the
    latencies are those of a busy machine.
    """

    timed: int = 400
    at_least: int = 80
    warm_up: int = 10
    budget_s: float = 4.0
    clock: Clock = field(default_factory=SystemClock)
    cpu_s: Callable[[], float] = time.process_time

    async def measure(self, model: Model, requests: Sequence[Request]) -> list[Measurement]:
        """Returns latency_p50_ms, latency_p95_ms, latency_p99_ms, cpu_share."""
        if not requests:
            return _untimed("no requests to time")
        try:
            for index in range(self.warm_up):
                await model.answer([requests[index % len(requests)]])
            start_cpu_s = self.cpu_s()
            latencies_ms = await self._time(model, requests)
            cpu_s = self.cpu_s() - start_cpu_s
        except ModelError as error:
            return _untimed(f"the model failed: {error.message}")
        share = cpu_s / max(sum(latencies_ms) / 1e3, 1e-9)
        n = len(latencies_ms)
        return [
            *percentiles(latencies_ms),
            Measurement(quantity=_CPU_SHARE.name, value=share, unit=_CPU_SHARE.unit, n=n),
        ]

    async def _time(self, model: Model, requests: Sequence[Request]) -> list[float]:
        latencies_ms: list[float] = []
        used_s = 0.0
        while len(latencies_ms) < self.timed and (
            used_s < self.budget_s or len(latencies_ms) < self.at_least
        ):
            request = requests[len(latencies_ms) % len(requests)]
            start_s = self.clock.elapsed_s()
            await model.answer([request])
            took_s = self.clock.elapsed_s() - start_s
            used_s += took_s
            latencies_ms.append(took_s * 1e3)
        return latencies_ms


@dataclass(frozen=True, kw_only=True)
class ThroughputMeter:
    """Times batches: requests per second when many wait, which is what a machine's price is shared by."""

    batch: int = 64
    timed: int = 30
    at_least: int = 6
    budget_s: float = 2.0
    clock: Clock = field(default_factory=SystemClock)

    async def measure(self, model: Model, requests: Sequence[Request]) -> list[Measurement]:
        """Returns throughput_per_s: the median over batches; `n` counts batches."""
        if not requests:
            return [not_measured(_THROUGHPUT.name, _THROUGHPUT.unit, why="no requests to time")]
        batches = [self._batch(requests, index) for index in range(self.timed)]
        rates: list[float] = []
        used_s = 0.0
        try:
            await model.answer(batches[0])
            for batch in batches:
                if used_s >= self.budget_s and len(rates) >= self.at_least:
                    break
                start_s = self.clock.elapsed_s()
                await model.answer(batch)
                took_s = max(self.clock.elapsed_s() - start_s, 1e-9)
                used_s += took_s
                rates.append(len(batch) / took_s)
        except ModelError as error:
            why = f"the model failed: {error.message}"
            return [not_measured(_THROUGHPUT.name, _THROUGHPUT.unit, why=why)]
        return [median(_THROUGHPUT, rates)]

    def _batch(self, requests: Sequence[Request], index: int) -> list[Request]:
        start = index * self.batch
        return [requests[(start + offset) % len(requests)] for offset in range(self.batch)]


def _nothing(why: str) -> list[Measurement]:
    return [not_measured(f"latency_p{p}_ms", "ms", why=why) for p in _PERCENTILES]


def _untimed(why: str) -> list[Measurement]:
    return [*_nothing(why), not_measured(_CPU_SHARE.name, _CPU_SHARE.unit, why=why)]
