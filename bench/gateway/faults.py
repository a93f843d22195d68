"""What goes wrong around the gateway in the long load: its store, its disk, its server, its clock."""

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_FAKETIME = (
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
)


@contextmanager
def small_disk(place: Path, *, mib: int) -> Iterator[bool]:
    """Mounts a file system of its own on a folder, so that it can be filled; says whether that worked."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    place.mkdir(parents=True, exist_ok=True)
    worked = False
    if mount and umount and os.geteuid() == 0:
        command = [mount, "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(place)]
        worked = subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        yield worked
    finally:
        if worked and umount:
            subprocess.run([umount, "-l", str(place)], check=False)


def fake_clock(file: Path) -> dict[str, str]:
    """Returns the environment that sets a process's wall clock by a file; {} without libfaketime."""
    found = next((place for place in _FAKETIME if Path(place).exists()), None)
    if found is None:
        return {}
    file.write_text("+0\n")
    return {
        "LD_PRELOAD": found,
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


async def store_locked(database: Path, *, seconds: float) -> None:
    """Keeps every other process from writing to a SQLite database."""
    connection = sqlite3.connect(database, timeout=30, isolation_level=None)
    with contextlib.closing(connection):
        connection.execute("BEGIN EXCLUSIVE")
        await asyncio.sleep(seconds)
        connection.execute("ROLLBACK")


async def disk_full(place: Path, *, seconds: float) -> None:
    """Fills the disk of a folder to the last byte."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 20))
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"0" * 512)
    try:
        await asyncio.sleep(seconds)
    finally:
        ballast.unlink()


async def server_stopped(process: int, *, seconds: float) -> None:
    """Stops a server in the middle of whatever it does, and lets it go on."""
    os.kill(process, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        os.kill(process, signal.SIGCONT)


async def clock_stepped(file: Path, *, seconds: float) -> None:
    """Sets the wall clock an hour ahead, then two hours back, then right again."""
    for offset in ("+3600", "-3600", "+0"):
        await asyncio.to_thread(file.write_text, f"{offset}\n")
        await asyncio.sleep(seconds / 2)


async def at_times(
    plan: dict[float, tuple[str, Callable[[], Awaitable[None]]]], *, heard: Callable[[str], None]
) -> None:
    """Runs each fault at its second, one after the other."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for second, (name, fault) in sorted(plan.items()):
        await asyncio.sleep(max(0.0, began + second - loop.time()))
        heard(name)
        await fault()
