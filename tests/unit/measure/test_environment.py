"""The environment of measurements, and what the doctor finds."""

import subprocess
import sys
from pathlib import Path

import pytest

from suffice import extras
from suffice.measure import doctor, environment
from suffice.measurement import not_measured
from tests.unit.measure.stopwatch import HandClock


def test_this_machine_is_described() -> None:
    """Cores, memory, Python and the versions that matter are there; a fake is marked."""
    here = environment.describe(threads=2, simulated=True)
    assert here.cores >= 1
    assert here.memory_bytes > 1e8
    assert here.machine
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in here.python
    assert "numpy" in dict(here.versions)
    assert (2, True) == (here.threads, here.simulated)


def test_absent_packages_are_left_out() -> None:
    """A package that is not installed has no version, and is no error."""
    assert ["numpy"] == [name for name, _ in environment.versions(("numpy", "no-such-package"))]


def test_the_processor_is_named(tmp_path: Path) -> None:
    """The name comes from the system's file; without it the architecture stands for it."""
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Old Abacus 3\n")
    assert "Old Abacus 3" == environment.cpu_model(tmp_path / "cpuinfo")
    assert environment.cpu_model(tmp_path / "none")


@pytest.mark.parametrize(("limit", "expected"), [("1048576", 1 << 20), ("max", None), ("junk", None)])
def test_a_containers_limit_counts(tmp_path: Path, limit: str, expected: int | None) -> None:
    """Where a container allows less than the machine has, that is the memory; "max" is no limit."""
    (tmp_path / "memory.max").write_text(limit)
    whole = environment.memory_bytes(())
    assert (expected or whole) == environment.memory_bytes((tmp_path / "memory.max",))


def test_bandwidth_counts_reading_and_writing() -> None:
    """Copying 1 MiB in 1 ms reads and writes 2 MiB: 2.1 GB/s."""
    clock = HandClock()
    ticks = iter(range(1000))

    def elapsed_s() -> float:
        return next(ticks) / 1e3

    clock.elapsed_s = elapsed_s  # type: ignore[method-assign]
    measured = environment.memory_bandwidth(megabytes=1, copies=6, clock=clock)
    assert 2 * (1 << 20) / 1e-3 / 1e9 == pytest.approx(measured.value)
    assert 6 == measured.n


@pytest.mark.slow
def test_describing_imports_nothing_heavy() -> None:
    """Versions are read from the installed packages' records, without importing them."""
    code = (
        "import sys; from suffice.measure import environment; environment.describe();"
        "print([m for m in ('torch', 'onnxruntime', 'sklearn', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()


def test_the_doctor_lists_every_extra() -> None:
    """Each extra has its state, what it adds and what to type; energy has counters or reasons."""
    found = doctor.examine(bandwidth=not_measured("memory_bandwidth_gb_per_s", "gb_per_s", why="given"))
    assert list(extras.EXTRAS) == [extra.name for extra in found.extras]
    assert all(extra.adds and extra.name in extra.install for extra in found.extras)
    assert found.energy_counters or found.energy_missing
    assert "given" == found.bandwidth.unmeasured
