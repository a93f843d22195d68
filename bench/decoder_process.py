"""What a process of its own takes to serve one GGUF file: prints it as JSON."""

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from suffice.models.engine import Piece
from suffice.models.gguf.engine import LlamaEngine

_REPEATS = 3


@dataclass(frozen=True, kw_only=True)
class Served:
    """Resident bytes before loading and while decoding, and tokens per second (median of 3), one thread.

    `mapped_bytes` of the resident ones are pages of the file itself, which the system may take back.
    """

    before_bytes: int
    resident_bytes: int
    mapped_bytes: int
    tokens_per_s: float

    @property
    def other_bytes(self) -> int:
        """Returns the resident bytes that came by loading and are not the file's own pages."""
        return self.resident_bytes - self.before_bytes - self.mapped_bytes


def measure(file: Path, *, tokens: int) -> Served:
    """Returns what a fresh process takes to load the file and to decode this many tokens after 16 others."""
    command = [sys.executable, "-m", "bench.decoder_process", str(file), "--tokens", str(tokens)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Served(**json.loads(done.stdout))


def _here(file: Path, tokens: int) -> Served:
    process = psutil.Process()
    before = process.memory_info().rss
    engine = LlamaEngine(file, context_tokens=512)
    speeds = []
    for _ in range(_REPEATS):
        sequence = engine.open()
        engine.extend([Piece(sequence=sequence, tokens=[*range(4, 20)])])
        began = time.perf_counter()
        for token in range(tokens):
            engine.extend([Piece(sequence=sequence, tokens=[20 + token % 64])])
        speeds.append(tokens / (time.perf_counter() - began))
        engine.drop(sequence)
    return Served(
        before_bytes=before,
        resident_bytes=process.memory_info().rss,
        mapped_bytes=sum(one.rss for one in process.memory_maps() if one.path == str(file)),
        tokens_per_s=statistics.median(speeds),
    )


def main() -> None:
    """Print the readings of this process."""
    parser = argparse.ArgumentParser(prog="python -m bench.decoder_process", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--tokens", type=int, default=64)
    chosen = parser.parse_args()
    served = _here(chosen.file, chosen.tokens)
    print(json.dumps(dataclasses.asdict(served)))


if __name__ == "__main__":
    main()
