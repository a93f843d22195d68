"""Print what reading a very large file takes: `python -m bench.big_file [--rows N]`.

Makes a JSON Lines file of N rows (10,000,000, about 2 GB) in a temporary folder, and reads it in a
process of its own by the step `suffice run` begins with: hashed, streamed, sampled to 200,000
inputs by content hash, near-duplicates found, split, written. The file is deleted afterwards.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from suffice.measure import environment
from suffice.pipeline.prepare import prepare_step
from suffice.pipeline.rows import read_rows
from suffice.readers.task_file import read_spec

ROWS = 10_000_000
_CHUNK = 100_000
_REPEATED = 0.05  # share of rows that say again what an earlier one said
_PHRASES = 4_096
_LABELS = tuple(f"intent_{number:02d}" for number in range(20))
_CONSONANTS, _VOWELS = "bcdfghklmnprstvw", "aeiou"
_HEADER = (
    "| rows | GB | distinct inputs kept | making it, s | reading: s | us a row | peak resident memory, MB |\n"
    "|---|---|---|---|---|---|---|"
)


def made_lines(rows: int, *, seed: int = 0) -> Iterator[str]:
    """Yields the rows in chunks of text: invented words, an id, a label; 200 bytes a row."""
    generator = np.random.default_rng(seed)
    phrases = _phrases(generator)
    for start in range(0, rows, _CHUNK):
        count = min(_CHUNK, rows - start)
        drawn = generator.integers(0, _PHRASES, (count, 3))
        again = np.flatnonzero(generator.random(count) < _REPEATED)
        drawn[again] = drawn[generator.integers(0, count, len(again))]
        labels = drawn[:, 0] % len(_LABELS)  # equal inputs have equal labels
        yield "".join(
            f'{{"id": {number}, "text": "{phrases[one]} {phrases[two]} {phrases[three]}", '
            f'"label": "{_LABELS[label]}", "channel": "made up for a benchmark"}}\n'
            for number, (one, two, three), label in zip(
                range(start, start + count), drawn.tolist(), labels.tolist(), strict=True
            )
        )


def _phrases(generator: np.random.Generator) -> list[str]:
    def word() -> str:
        length = int(generator.integers(2, 5))
        letters = zip(generator.integers(0, 16, length), generator.integers(0, 5, length), strict=True)
        return "".join(_CONSONANTS[one] + _VOWELS[other] for one, other in letters)

    words = [word() for _ in range(2_000)]
    return [" ".join(words[place] for place in generator.integers(0, 2_000, 5)) for _ in range(_PHRASES)]


def write_task(folder: Path, rows: int) -> Path:
    """Returns a task file beside its newly made rows."""
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(made_lines(rows))
    task = folder / "task.yaml"
    task.write_text(
        "version: 1\nname: big-file\nkind: classify\ndata: rows.jsonl\ninput: text\ntarget: label\n"
        "bars: {quality: {target: absolute, at_least: 0.9}}\n",
        encoding="utf-8",
    )
    return task


def read(task: Path) -> dict[str, float]:
    """Returns what reading the task's data has taken, in this process: rows, kept, seconds, peak bytes."""
    began = time.monotonic()
    step = prepare_step(read_spec(task), offline=True)
    out = task.parent / "prepared"
    out.mkdir()
    step.make(out, (), progress=_silent)
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # Linux counts KiB
    rows = read_rows(out)
    kept = sum(len(samples) for samples in rows.splits.values())
    return {"rows": rows.total, "kept": kept, "seconds": seconds, "peak_bytes": peak}


def _silent(what: str, done: float, total: float) -> None:
    """Says nothing."""


def main() -> None:
    """Make the file, read it in a child process, print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.big_file", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--read", type=Path, metavar="TASK", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.read is not None:
        print(json.dumps(read(chosen.read)))
        return
    with tempfile.TemporaryDirectory(prefix="suffice-big-file-") as name:
        began = time.monotonic()
        task = write_task(Path(name), chosen.rows)
        making_s = time.monotonic() - began
        size = (task.parent / "rows.jsonl").stat().st_size
        child = [sys.executable, "-m", "bench.big_file", "--read", str(task)]
        done = subprocess.run(child, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["rows"] == chosen.rows
    print(f"Machine: {environment.cpu_model()}, {environment.cores()} cores; one process.\n")
    print(_HEADER)
    print(
        f"| {chosen.rows:,} | {size / 1e9:.2f} | {found['kept']:,} | {making_s:.0f} | {found['seconds']:.0f} "
        f"| {found['seconds'] / chosen.rows * 1e6:.1f} | {found['peak_bytes'] / 1e6:,.0f} |"
    )


if __name__ == "__main__":
    main()
