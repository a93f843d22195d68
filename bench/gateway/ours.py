"""suffice's own gateway as a process: a site with everything on, a key, and local bundles where asked."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from bench.gateway.gateways import MODEL, Running, running
from bench.gateway.machine import free_port

# What users would switch on: private data are looked for, masked for servers, or kept here.
_PRIVACY = {"classes": {"email": "mask", "phone": "mask", "card": "local_only", "secret": "local_only"}}


@contextlib.contextmanager
def ours(
    models: Mapping[str, object], tiers: Mapping[str, object], *, folder: Path, core: int
) -> Iterator[Running]:
    """Runs `suffice serve` with key, budgets, policy, audit log, store and metrics on."""
    port = free_port()
    home = folder / f"home-{port}"
    site = folder / f"site-{port}.yaml"
    site.write_text(
        yaml.safe_dump(
            {
                "suffice": 1,
                "listen": f"127.0.0.1:{port}",
                "home": str(home),
                "models": dict(models),
                "tiers": dict(tiers),
                "privacy": _PRIVACY,
            }
        )
    )
    program = [sys.executable, "-m", "suffice"]
    environment = {**os.environ, "SUFFICE_HOME": str(home)}
    made = subprocess.run(
        [*program, "keys", "create", "bench", "--site", str(site), "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if made.returncode:
        raise SystemExit(f"no key was made: {made.stderr or made.stdout}")
    key = json.loads(made.stdout)["key"]
    command = [*program, "serve", str(site)]
    with running(command, port=port, folder=folder, core=core, key=key, environment=environment) as gateway:
        yield gateway


def upstream_tier(port: int) -> dict[str, object]:
    """Returns the site's keys of the stand-in server at a port."""
    return {
        "kind": "upstream",
        "base_url": f"http://127.0.0.1:{port}/v1",
        "model": "imaginary-large-1",
        "usd_per_1m_input": 2.5,
        "usd_per_1m_output": 10.0,
        "concurrency": 256,
    }


def site_models() -> dict[str, object]:
    """Returns the one model, answered by the stand-in alone."""
    return {MODEL: {"tiers": ["big"]}}
