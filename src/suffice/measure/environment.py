"""The machine and software that measurements belong to."""

import importlib.metadata
import os
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil

from suffice.clock import Clock, SystemClock
from suffice.measure.quantiles import Quantity, median
from suffice.measurement import Environment, Measurement

# The packages whose version can change an answer or its time.
PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "onnxruntime",
    "tokenizers",
    "safetensors",
    "torch",
    "transformers",
)

_CPU_INFO = Path("/proc/cpuinfo")
_MEMORY_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_BANDWIDTH = Quantity(name="memory_bandwidth_gb_per_s", unit="gb_per_s")


def describe(*, threads: int = 1, simulated: bool = False) -> Environment:
    """Returns this machine and its software; nothing heavy is imported to find the versions."""
    return Environment(
        machine=cpu_model(),
        cores=cores(),
        memory_bytes=memory_bytes(),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        versions=versions(PACKAGES),
        threads=threads,
        simulated=simulated,
    )


def cpu_model(source: Path = _CPU_INFO) -> str:
    """Returns the processor's name, or its architecture where the system does not tell."""
    try:
        for line in source.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def cores() -> int:
    """Returns how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def memory_bytes(limits: Sequence[Path] = _MEMORY_LIMITS) -> int:
    """Returns the memory this process may use: the machine's, or its container's limit where lower."""
    total = int(psutil.virtual_memory().total)
    for path in limits:
        try:
            total = min(total, int(path.read_text()))
        except (OSError, ValueError):  # no such file, or "max"
            continue
    return total


def versions(packages: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Returns the installed version of each package that is there."""
    found = []
    for package in packages:
        try:
            found.append((package, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            continue
    return tuple(found)


def memory_bandwidth(*, megabytes: int = 64, copies: int = 10, clock: Clock | None = None) -> Measurement:
    """Returns how fast one thread copies memory, in 1e9 bytes read and written per second.

    What STREAM calls "copy" (McCalpin 1995), on arrays larger than the last cache: the bound on a
    decoder's tokens per second, which reads all its weights for each.
    """
    clock = clock or SystemClock()
    source = np.ones(megabytes << 17)  # 8 bytes each
    target = np.empty_like(source)
    np.copyto(target, source)  # the first touch maps the pages
    rates = []
    for _ in range(copies):
        start_s = clock.elapsed_s()
        np.copyto(target, source)
        took_s = max(clock.elapsed_s() - start_s, 1e-9)
        rates.append(2 * source.nbytes / took_s / 1e9)
    return median(_BANDWIDTH, rates)
