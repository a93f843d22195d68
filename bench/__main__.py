"""Measure every figure of docs/benchmarks.md anew: `python -m bench [--only NAME ...]`."""

import argparse
import datetime as dt
import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from bench.sections import SECTIONS, Block, Section, blocks_of, page_of, written
from suffice.measure import environment

PAGE = Path("docs/benchmarks.md")
_LIBRARIES = ("suffice", "numpy", "scipy", "scikit-learn", "onnxruntime")
_LONGEST_S = 3_600


def measured(section: Section) -> Block:
    """Returns a section's block after running its command; a failure is said in its place."""
    began = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, *section.command],
            capture_output=True,
            text=True,
            timeout=_LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        output = f"**Not measured**: it took more than {_LONGEST_S:,} s."
    else:
        output = done.stdout if done.returncode == 0 else _failure(done)
    now = dt.datetime.now(tz=dt.UTC).date().isoformat()
    return written(section, output, when=now, seconds=time.monotonic() - began)


def _failure(done: subprocess.CompletedProcess[str]) -> str:
    last = next(reversed(done.stderr.strip().splitlines()), "it said nothing")
    return f"**Not measured**: the command ended with {done.returncode}: {last}"


def machine() -> list[str]:
    """Returns what the figures were measured on, line by line."""
    versions = []
    for name in _LIBRARIES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{name} absent")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return [
        f"machine: {environment.cpu_model()}, {environment.cores()} cores, {platform.system()}",
        f"last run: {dt.datetime.now(tz=dt.UTC).date().isoformat()}, load average {load}",
        f"Python {platform.python_version()}, {', '.join(versions)}",
    ]


def main() -> None:
    """Run the chosen sections, and write the page after each."""
    names = [section.name for section in SECTIONS]
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"of: {', '.join(names)}")
    parser.add_argument("--page", type=Path, default=PAGE, help=f"the file to write (default: {PAGE})")
    chosen = parser.parse_args()
    about = machine()  # before the sections make the machine busy themselves
    for section in SECTIONS:
        if chosen.only and section.name not in chosen.only:
            continue
        print(f"{section.name} ...", end=" ", flush=True)
        block = measured(section)
        # Read again: another run may have written other sections meanwhile.
        page = chosen.page.read_text(encoding="utf-8") if chosen.page.is_file() else ""
        chosen.page.write_text(
            page_of(blocks_of(page) | {section.name: block}, machine=about), encoding="utf-8"
        )
        print(f"{block.seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
