"""suffice's own gateway as a process: a site with everything on, its keys, and what it leaves behind."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

# What users would switch on: private data are looked for, masked for servers, or kept here.
PRIVACY = {"classes": {"email": "mask", "phone": "mask", "card": "local_only", "secret": "local_only"}}
_PROGRAM = (sys.executable, "-m", "suffice")


@dataclass(kw_only=True)
class Home:
    """A site's files and keys. `can_be_filled`: it has a disk of its own; `clock`: its wall clock's file."""

    site: Path
    folder: Path
    keys: tuple[str, ...]
    can_be_filled: bool = False
    clock: Path | None = None

    @property
    def command(self) -> tuple[str, ...]:
        """Returns what serves the site."""
        return (*_PROGRAM, "serve", str(self.site))

    @property
    def database(self) -> Path:
        """Returns the embedded store's file."""
        return next(iter(sorted(self.folder.rglob("*.sqlite*"))))

    def audited(self) -> Iterator[str]:
        """Yields the ids of all calls in the audit log."""
        for segment in sorted(self.folder.rglob("*.jsonl")):
            for line in segment.open(encoding="utf-8"):
                record = json.loads(line)
                if (event := record.get("event")) is not None:
                    yield event["id"]

    def verified(self) -> str:
        """Returns what `suffice audit-log verify` says of the log, in a word."""
        done = subprocess.run(
            [*_PROGRAM, "audit-log", "verify", str(self.folder / "audit"), "--json"],
            capture_output=True,
            text=True,
            check=False,
        )
        return {0: "it holds", 1: "IT DOES NOT HOLD"}.get(done.returncode, f"not verified: {done.stderr}")


def made_home(
    folder: Path,
    *,
    port: int,
    models: Mapping[str, object],
    tiers: Mapping[str, object],
    keys: int = 1,
) -> Home:
    """Returns a new site in a folder, listening at a port, with so many keys."""
    site = folder / "site.yaml"
    home = folder / "home"
    site.write_text(
        yaml.safe_dump(
            {
                "suffice": 1,
                "listen": f"127.0.0.1:{port}",
                "home": str(home),
                "models": dict(models),
                "tiers": dict(tiers),
                "privacy": PRIVACY,
                # One key stands for many clients here.
                "limits": {"unpaid_per_minute": 1_000_000_000},
            }
        )
    )
    made = tuple(_key(site, f"tenant-{number}") for number in range(keys))
    return Home(site=site, folder=home, keys=made)


def _key(site: Path, name: str) -> str:
    scopes = [part for scope in ("call", "feedback") for part in ("--scope", scope)]
    done = subprocess.run(
        [*_PROGRAM, "keys", "create", name, *scopes, "--site", str(site), "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    if done.returncode:
        raise SystemExit(f"no key was made: {done.stderr or done.stdout}")
    return str(json.loads(done.stdout)["key"])
