"""The gateways that are compared, each as one process on one core, ready to be loaded."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.gateway.machine import free_port, is_listening, taskset

MODEL = "tickets"
_LONGEST_START_S = 120


@dataclass(frozen=True, kw_only=True)
class Running:
    """A gateway that takes calls: where, with which key, and its process."""

    url: str
    key: str
    process: psutil.Process

    @property
    def resident_bytes(self) -> int:
        """Returns the memory it holds now, with its children's."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(member.memory_info().rss for member in family)

    @property
    def cpu_s(self) -> float:
        """Returns the processor time it has taken so far, in seconds."""
        took = self.process.cpu_times()
        return float(took.user + took.system)


@contextlib.contextmanager
def pass_through(upstream_port: int, *, folder: Path, core: int) -> Iterator[Running]:
    """Runs the bare pass-through."""
    port = free_port()
    command = [sys.executable, "-m", "bench.gateway.passthrough", str(upstream_port), str(port)]
    with running(command, port=port, folder=folder, core=core) as one:
        yield one


@contextlib.contextmanager
def litellm(upstream_port: int, *, program: Path, folder: Path, core: int) -> Iterator[Running]:
    """Runs the proxy of litellm, one worker, without a database; its program lies in another environment."""
    port, key = free_port(), "sk-bench-0123456789abcdef0123456789"
    (folder / "litellm.yaml").write_text(
        f"""model_list:
  - model_name: {MODEL}
    litellm_params:
      model: openai/imaginary-large-1
      api_base: http://127.0.0.1:{upstream_port}/v1
      api_key: none
general_settings:
  master_key: {key}
"""
    )
    command = [str(program), "--config", str(folder / "litellm.yaml"), "--num_workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    with running(command, port=port, folder=folder, core=core, key=key, environment=environment) as one:
        yield one


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    port: int,
    folder: Path,
    core: int | None,
    key: str = "",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Runs a gateway on one core until the block ends; what it says goes to a file."""
    log = folder / "gateway.log"
    with log.open("w") as said:
        pinned = [] if core is None else [taskset(), "-c", str(core)]
        process = subprocess.Popen(
            [*pinned, *command],
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        try:
            began = time.monotonic()
            while not is_listening(port):
                if process.poll() is not None or time.monotonic() - began > _LONGEST_START_S:
                    raise SystemExit(f"{command[0]} did not start: {log.read_text()[-800:]}")
                time.sleep(0.1)
            yield Running(
                url=f"http://127.0.0.1:{port}/v1/chat/completions",
                key=key,
                process=psutil.Process(process.pid),
            )
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
