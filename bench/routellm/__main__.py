"""Print the routing tables as Markdown: `python -m bench.routellm --cache DIR`."""

from __future__ import annotations

import os

# One thread for each of the two processes: before numpy is there.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.proof.recorded import data_folder
from bench.routellm import gsm8k, mmlu
from bench.routellm.rows import clean
from bench.routellm.vectors import Vectors

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main"]


def main() -> None:
    """Print every table, each as soon as it is there."""
    parser = argparse.ArgumentParser(prog="python -m bench.routellm", description=__doc__)
    parser.add_argument("--cache", type=Path, help="folder to keep the encoder's vectors in between runs")
    arguments = parser.parse_args()
    if not data_folder().exists():
        print("Routing: not measured, the folder SUFFICE_DATA is absent.")
        return
    with tempfile.TemporaryDirectory() as scratch:
        for table in tables(arguments.cache or Path(scratch)):
            print(table, flush=True)


def tables(cache: Path) -> Iterator[str]:
    """Yield the tables of both benchmarks; `cache` keeps the vectors of the texts."""
    cache.mkdir(parents=True, exist_ok=True)
    vectors = Vectors(cache)
    for name, benchmark in (("gsm8k", gsm8k), ("mmlu", mmlu)):
        data = clean(name)
        vectors.learn(data.prompts)
        if any(data.answers):
            vectors.learn(data.answers)
        yield from benchmark.tables(data, vectors)


if __name__ == "__main__":
    main()
