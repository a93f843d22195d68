"""A process that does what serving does, and tells what it took: started afresh for each measurement.

Run as `python -P -m suffice.measure.serving_process`; takes a JSON object on standard input (see
`measure.memory`) and writes one to standard output.
"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")


def resident_bytes(field: str) -> int | None:
    """Returns this process's resident memory: VmRSS (now) or VmHWM (at most), or None where unknown.

    /proc is read rather than getrusage, whose maximum a child inherits from its parent.
    """
    try:
        for line in _STATUS.read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return None
    return None


async def serve_once(folders: Sequence[Path], texts: Sequence[str]) -> dict[str, Any]:
    """Returns what loading the folders' models and answering the texts took, alone and as one batch."""
    start_s = time.perf_counter()
    # Importing is part of what a start takes, and must not lie in the baseline.
    from suffice.models import registry  # noqa: PLC0415
    from suffice.ports import Request  # noqa: PLC0415

    models = [registry.load(folder) for folder in folders]
    loaded_s = time.perf_counter()
    for model in models:
        requests = [Request(text=text) for text in texts]
        for request in requests:
            await model.answer([request])
        await model.answer(requests)
        await model.close()
    return {"load_ms": (loaded_s - start_s) * 1e3, "peak_bytes": resident_bytes("VmHWM")}


def main() -> None:
    """Reads what to serve, serves it, writes what it took."""
    baseline_bytes = resident_bytes("VmRSS")
    wish = json.load(sys.stdin)
    took = asyncio.run(serve_once([Path(folder) for folder in wish["folders"]], wish["texts"]))
    sys.stdout.write(json.dumps({"baseline_bytes": baseline_bytes, **took}))


if __name__ == "__main__":
    main()
