"""Energy above idle, from counters that tests turn by hand."""

import asyncio
import ctypes
from pathlib import Path

import pytest

from suffice.measure import counters
from suffice.measure.energy import EnergyMeter
from suffice.measurement import Measurement
from suffice.ports import Request
from tests.unit.measure.stopwatch import HandClock, TimedModel

REQUESTS = [Request(text="a"), Request(text="b")]


class Meter:
    """A counter of a machine that takes `idle_w` always, and `busy_w` more while the model works."""

    name = "package-0"

    def __init__(self, clock: HandClock, model: TimedModel, *, idle_w: float, busy_w: float) -> None:
        self.clock, self.model, self.idle_w, self.busy_w = clock, model, idle_w, busy_w

    def read_j(self) -> float:
        """Returns idle energy for all time, and busy energy for every answered request."""
        busy_s = len(self.model.batches) * self.model.times_s[0]
        return 1000.0 + self.idle_w * self.clock.seconds + self.busy_w * busy_s


class DeadCounter:
    """A counter that has gone."""

    name = "gone"

    def read_j(self) -> float:
        """Fails as a file that vanished does."""
        raise OSError("no such device")


def measure(clock: HandClock, model: TimedModel, *found: counters.Counter) -> Measurement:
    """Returns the energy measured with these counters."""
    meter = EnergyMeter(counters=found, why_none=("RAPL: none",), clock=clock, sleep=clock.sleep)
    [measured] = asyncio.run(meter.measure(model, REQUESTS))
    return measured


def test_idle_energy_is_taken_off() -> None:
    """20 W above 50 W idle for 0.1 s a request are 2 J, on two packages 4 J."""
    clock = HandClock()
    model = TimedModel(clock, 0.1)
    package = Meter(clock, model, idle_w=50.0, busy_w=20.0)
    measured = measure(clock, model, package, package)
    assert 4.0 == pytest.approx(measured.value)
    assert (6, "j") == (measured.n, measured.unit)
    assert measured.interval is not None


def test_no_more_than_idle_is_unknown() -> None:
    """A window at or below the idle machine's energy is lost in noise: unknown, never 0."""
    clock = HandClock()
    model = TimedModel(clock, 0.1)
    measured = measure(clock, model, Meter(clock, model, idle_w=50.0, busy_w=-1.0))
    assert "6 of 6 windows were at or below the idle machine's energy" == measured.unmeasured


def test_no_counter_says_why() -> None:
    """Where there is no counter, the reason of each source is the reason here."""
    clock = HandClock()
    assert "RAPL: none" == measure(clock, TimedModel(clock, 0.1)).unmeasured


def test_failures_are_reasons() -> None:
    """A dead model and a dead counter are each named."""
    clock = HandClock()
    model = TimedModel(clock, 0.1, fails_after=2)
    alive = Meter(clock, model, idle_w=1.0, busy_w=1.0)
    assert "the model failed: the line is dead" == measure(clock, model, alive).unmeasured
    gone = measure(clock, TimedModel(clock, 0.1), DeadCounter())
    assert "an energy counter cannot be read any more: no such device" == gone.unmeasured


def rapl_zone(powercap: Path, name: str, *, energy_uj: int) -> Path:
    """Returns a folder as Linux shows a counter."""
    zone = powercap / name
    zone.mkdir(parents=True)
    (zone / "name").write_text("package-0\n")
    (zone / "max_energy_range_uj").write_text("1000000\n")
    (zone / "energy_uj").write_text(f"{energy_uj}\n")
    return zone


def test_rapl_counters_count_on_after_a_full_round(tmp_path: Path) -> None:
    """The counter starts again from 0 when full; the total does not."""
    zone = rapl_zone(tmp_path, "intel-rapl:0", energy_uj=900_000)
    [counter], _ = counters.find(tmp_path, nvml="no such library")
    assert 0.9 == counter.read_j()
    (zone / "energy_uj").write_text("100000")
    assert 1.1 == counter.read_j()


def test_parts_of_a_package_are_not_counted_twice(tmp_path: Path) -> None:
    """Core and memory zones lie within their package's."""
    for name in ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl:1"):
        rapl_zone(tmp_path, name, energy_uj=1)
    found, _ = counters.find(tmp_path, nvml="no such library")
    assert 2 == len(found)


def test_a_broken_counter_is_a_reason(tmp_path: Path) -> None:
    """A counter without its range is not guessed at."""
    (rapl_zone(tmp_path, "intel-rapl:0", energy_uj=1) / "max_energy_range_uj").unlink()
    found, why = counters.find(tmp_path, nvml="no such library")
    assert [] == found
    assert "RAPL: intel-rapl:0 cannot be read" in why[0].why
    assert why[0].is_there


def test_absent_sources_are_each_named(tmp_path: Path) -> None:
    """Neither RAPL nor NVML: two reasons, for the user to read, and no system's error among the words."""
    found, why = counters.find(tmp_path, nvml="no such library")
    assert [] == found
    assert "NVML: no NVIDIA driver" == why[1].why
    assert not any(missing.is_there for missing in why)
    assert ["RAPL", "NVML"] == [missing.why.split(":")[0] for missing in why]


def test_a_counter_for_root_only_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many systems let only root read the counter: the reason says how to open it."""
    rapl_zone(tmp_path, "intel-rapl:0", energy_uj=1)

    def refuse(_: Path) -> str:
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", refuse)
    found, why = counters.find(tmp_path, nvml="no such library")
    assert [] == found
    assert "RAPL: intel-rapl:0 may be read by root only (chmod a+r energy_uj)" == why[0].why
    assert why[0].is_there


class GpuLibrary:
    """NVIDIA's library as far as it is used: two GPUs whose counters stand at 5 and 6 J."""

    def __init__(self, *, refuses: str = "") -> None:
        self.refuses = refuses

    def __getattr__(self, function: str) -> object:
        """Returns one of the library's functions."""

        def call(*arguments: object) -> int:
            if function == self.refuses:
                return 3  # NVML_ERROR_NOT_SUPPORTED
            match function:
                case "nvmlDeviceGetCount_v2":
                    arguments[0]._obj.value = 2  # type: ignore[attr-defined]
                case "nvmlDeviceGetHandleByIndex_v2":
                    arguments[1]._obj.value = arguments[0].value + 1  # type: ignore[attr-defined]
                case "nvmlDeviceGetTotalEnergyConsumption":
                    arguments[1]._obj.value = 4000 + 1000 * arguments[0].value  # type: ignore[attr-defined]
            return 0

        return call


def test_gpus_are_counted_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each GPU has its counter, in joules."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: GpuLibrary())
    found, why = counters.find(tmp_path)
    assert [("gpu-0", 5.0), ("gpu-1", 6.0)] == [(counter.name, counter.read_j()) for counter in found]
    assert ["RAPL"] == [missing.why.split(":")[0] for missing in why]


def test_a_gpu_without_a_counter_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old GPUs count no energy: that is no counter, not a counter at 0."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: GpuLibrary(refuses="nvmlDeviceGetTotalEnergyConsumption"))
    found, why = counters.find(tmp_path)
    assert [] == found
    assert "nvmlDeviceGetTotalEnergyConsumption answered 3" in why[1].why


def test_a_machine_without_counters_says_so_in_plain_words() -> None:
    """What a report prints beside "not measured"."""
    clock = HandClock()
    meter = EnergyMeter(counters=(), clock=clock, sleep=clock.sleep)
    [measured] = asyncio.run(meter.measure(TimedModel(clock, 0.1), REQUESTS))
    assert (None, "no energy counter on this machine") == (measured.value, measured.unmeasured)
