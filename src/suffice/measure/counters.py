"""Energy counters of this machine: running totals in joules, from the processor (RAPL) and GPUs (NVML)."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_POWERCAP = Path("/sys/class/powercap")
_NVML = "libnvidia-ml.so.1"


class Counter(Protocol):
    """A running total of energy; only differences mean anything."""

    @property
    def name(self) -> str:
        """Returns what it counts, e.g. package-0."""
        ...

    def read_j(self) -> float:
        """Returns the total so far, in joules; never less than before.

        Raises:
            OSError: the counter cannot be read (any more).
        """
        ...


class RaplCounter:
    """One processor package's counter, which starts again from 0 when it is full.

    Linux kernel documentation, power/powercap: energy_uj runs up to max_energy_range_uj.
    """

    def __init__(self, zone: Path) -> None:
        self._zone = zone
        self.name = (zone / "name").read_text().strip()
        self._range_uj = int((zone / "max_energy_range_uj").read_text())
        self._last_uj = self._read_uj()
        self._full_rounds = 0

    def read_j(self) -> float:
        """Returns the total so far, rounds included."""
        now_uj = self._read_uj()
        if now_uj < self._last_uj:
            self._full_rounds += 1
        self._last_uj = now_uj
        return (now_uj + self._full_rounds * self._range_uj) / 1e6

    def _read_uj(self) -> int:
        return int((self._zone / "energy_uj").read_text())


class NvmlCounter:
    """One NVIDIA GPU's counter since its driver was loaded (nvmlDeviceGetTotalEnergyConsumption, mJ)."""

    def __init__(self, library: ctypes.CDLL, index: int) -> None:
        self.name = f"gpu-{index}"
        self._library = library
        self._device = ctypes.c_void_p()
        _call(library, "nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(self._device))
        self.read_j()

    def read_j(self) -> float:
        """Returns the total so far."""
        total_mj = ctypes.c_ulonglong()
        _call(self._library, "nvmlDeviceGetTotalEnergyConsumption", self._device, ctypes.byref(total_mj))
        return total_mj.value / 1e3


@dataclass(frozen=True, kw_only=True)
class Missing:
    """Why a source shows no counter; `is_there`: it has one, which cannot be read as things are."""

    why: str
    is_there: bool = False


def find(powercap: Path = _POWERCAP, nvml: str = _NVML) -> tuple[list[Counter], list[Missing]]:
    """Returns the counters that can be read here, and for each source that has none, why."""
    rapl, no_rapl = _find_rapl(powercap)
    gpus, no_gpus = _find_nvml(nvml)
    return [*rapl, *gpus], [missing for missing in (no_rapl, no_gpus) if missing is not None]


def _find_rapl(powercap: Path) -> tuple[Sequence[Counter], Missing | None]:
    # Packages only (intel-rapl:0): their parts (intel-rapl:0:1) are counted in them already.
    zones = sorted(zone for zone in powercap.glob("intel-rapl:*") if zone.name.count(":") == 1)
    if not zones:
        words = f"RAPL: no processor energy counter under {powercap} (virtual machines have none)"
        return [], Missing(why=words)
    try:
        return [RaplCounter(zone) for zone in zones], None
    except PermissionError:
        words = f"RAPL: {zones[0].name} may be read by root only (chmod a+r energy_uj)"
        return [], Missing(why=words, is_there=True)
    except (OSError, ValueError) as error:
        return [], Missing(why=f"RAPL: {zones[0].name} cannot be read: {error}", is_there=True)


def _find_nvml(name: str) -> tuple[Sequence[Counter], Missing | None]:
    try:
        library = ctypes.CDLL(name)
    except OSError:
        return [], Missing(why="NVML: no NVIDIA driver")
    try:
        _call(library, "nvmlInit_v2")
        count = ctypes.c_uint()
        _call(library, "nvmlDeviceGetCount_v2", ctypes.byref(count))
        return [NvmlCounter(library, index) for index in range(count.value)], None
    except (OSError, AttributeError) as error:
        return [], Missing(why=f"NVML: no NVIDIA GPU whose energy can be read ({error})")


def _call(library: ctypes.CDLL, function: str, *arguments: object) -> None:
    status = getattr(library, function)(*arguments)
    if status != 0:
        raise OSError(f"{function} answered {status}")
