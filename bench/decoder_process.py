"""What a process of its own takes to serve a GGUF file, or a folder by transformers: printed as JSON."""

import argparse
import dataclasses
import importlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from suffice.models.engine import DecoderEngine, Piece
from suffice.models.gguf.engine import LlamaEngine

_REPEATS = 3
_READ = 256


@dataclass(frozen=True, kw_only=True)
class Served:
    """Resident bytes before loading and while decoding, and tokens per second (medians of 3), one thread.

    Seconds are the process's own processor time: with one thread those of the clock on an idle machine,
    and changed less than those by a busy one. `read_per_s` counts tokens of a prompt of 256 that is read
    at once. `mapped_bytes` of the resident ones are pages of the file itself, which the system may take
    back.
    """

    before_bytes: int
    resident_bytes: int
    mapped_bytes: int
    tokens_per_s: float
    read_per_s: float

    @property
    def other_bytes(self) -> int:
        """Returns the resident bytes that came by loading and are not the file's own pages."""
        return self.resident_bytes - self.before_bytes - self.mapped_bytes


def measure(file: Path, *, tokens: int) -> Served:
    """Returns what a fresh process takes to load the file and to decode this many tokens after 16 others.

    A folder is run by transformers, whose modules are there before loading.
    """
    command = [sys.executable, "-m", "bench.decoder_process", str(file), "--tokens", str(tokens)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Served(**json.loads(done.stdout))


def _here(file: Path, tokens: int) -> Served:
    process = psutil.Process()
    opened = _by_transformers(file) if file.is_dir() else partial(LlamaEngine, file)
    before = process.memory_info().rss
    engine = opened(context_tokens=512)
    weights = {str(file), str(file / "model.safetensors")}
    speeds, read = [], []
    for _ in range(_REPEATS):
        sequence = engine.open()
        engine.extend([Piece(sequence=sequence, tokens=[*range(4, 20)])])
        began = time.process_time()
        for token in range(tokens):
            engine.extend([Piece(sequence=sequence, tokens=[20 + token % 64])])
        speeds.append(tokens / (time.process_time() - began))
        engine.drop(sequence)
        sequence = engine.open()
        began = time.process_time()
        engine.extend([Piece(sequence=sequence, tokens=[4 + token % 64 for token in range(_READ)])])
        read.append(_READ / (time.process_time() - began))
        engine.drop(sequence)
    return Served(
        before_bytes=before,
        resident_bytes=process.memory_info().rss,
        mapped_bytes=sum(one.rss for one in process.memory_maps() if one.path in weights),
        tokens_per_s=statistics.median(speeds),
        read_per_s=statistics.median(read),
    )


def _by_transformers(folder: Path) -> Callable[..., DecoderEngine]:
    """Returns how the folder is opened, after importing all that any folder of its kind needs."""
    module = importlib.import_module("suffice.models.transformers.engine")
    architecture = json.loads((folder / "config.json").read_text())["model_type"]
    importlib.import_module(f"transformers.models.{architecture}.modeling_{architecture}")
    importlib.import_module("accelerate")
    opened: Callable[..., DecoderEngine] = partial(module.TransformersEngine, folder)
    return opened


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
