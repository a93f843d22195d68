"""Load on a gateway by wrk: requests a second and latencies at a number of connections."""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.gateway.machine import taskset

_TEXT = "The invoice of last month was charged twice and nobody in support has answered so far. " * 10


@dataclass(frozen=True, kw_only=True)
class Load:
    """What one stretch of load showed; latencies in milliseconds.

    `failed` counts what was no 2xx; `cpu_us` is the gateway's processor time a request, in microseconds.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failed: int
    cpu_us: float = 0.0

    @property
    def per_s(self) -> float:
        """Returns requests answered a second."""
        return self.requests / self.seconds


def body_of(*, model: str, stream: bool) -> str:
    """Returns a chat of about one kilobyte."""
    asked = {"model": model, "messages": [{"role": "user", "content": _TEXT}], "temperature": 0}
    return json.dumps({**asked, "stream": True} if stream else asked)


def load(  # noqa: PLR0913 - one stretch has these dials
    url: str, body: str, *, folder: Path, connections: int, seconds: int, core: int, key: str
) -> Load:
    """Returns what wrk saw from one core: POST of the body, over and over, on kept connections."""
    program = shutil.which("wrk")
    if program is None:
        raise SystemExit("wrk is not installed: it makes the load")
    script = folder / "post.lua"
    script.write_text(
        'wrk.method = "POST"\n'
        f"wrk.body = {json.dumps(body)}\n"
        'wrk.headers["Content-Type"] = "application/json"\n'
        f'wrk.headers["Authorization"] = "Bearer {key}"\n'
        "done = function(summary, latency, requests)\n"
        '  io.write(string.format("GAVE %d %d %d %d %d %d\\n", summary.requests, summary.duration,\n'
        "    latency:percentile(50), latency:percentile(99), summary.errors.status,\n"
        "    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))\n"
        "end\n"
    )
    command = [taskset(), "-c", str(core), program, "-t1", f"-c{connections}", f"-d{seconds}s"]
    command += ["--timeout", "20s", "-s", str(script), url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"GAVE (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", said)
    if found is None:
        raise SystemExit(f"wrk said something else than its figures: {said[-300:]}")
    requests, duration_us, p50_us, p99_us, refused, broken = map(int, found.groups())
    return Load(
        requests=requests,
        seconds=duration_us / 1e6,
        p50_ms=p50_us / 1e3,
        p99_ms=p99_us / 1e3,
        failed=refused + broken,
    )
