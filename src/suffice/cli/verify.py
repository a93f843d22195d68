"""`suffice verify`: does the certificate hold for the bytes that lie here?"""

from pathlib import Path

import click

from suffice.cli.options import Common, common


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path), help="The signer's public key  [default: your own]")
@common
def verify(folder: Path, key: Path | None, common: Common) -> int:
    """Check hashes, signature and arithmetic of the certificate in FOLDER."""
    from suffice import api

    checks = api.verify(folder, key=key)
    holds = all(c.is_met for c in checks)
    lines = [f"{'ok ' if c.is_met else 'NOT'}  {c.name}: {c.detail}" for c in checks]
    words = "the certificate holds" if holds else "the certificate does NOT hold"
    value = {
        "holds": holds,
        "checks": [{"name": c.name, "met": c.is_met, "detail": c.detail} for c in checks],
    }
    common.give(value, "\n".join([*lines, words]))
    return 0 if holds else 1
