"""Bundles to serve, made of the tickets that suffice ships: one linear rung, or one encoder."""

from importlib import resources
from pathlib import Path

from suffice import bundle
from suffice.adapt import registry as methods
from suffice.candidate import Candidate
from suffice.cascade import Cascade, Tier
from suffice.certify.statement import BUNDLE
from suffice.models import trust
from suffice.readers.load import load

_METHODS = {"linear": "linear", "encoder": "head"}


def make_bundle(kind: str, folder: Path) -> Path:
    """Returns a run folder with a bundle of one rung ("linear" or "encoder"), without a certificate."""
    run, made = folder / f"run-{kind}", folder / f"made-{kind}"
    run.mkdir()
    made.mkdir()
    loaded = load(Path(str(resources.files("suffice"))) / "demo_data" / "tickets.yaml", offline=True)
    candidate = Candidate(name=kind, kind=kind, method=_METHODS[kind])
    methods.method(candidate.method).apply(
        candidate, loaded.training_rows(), out=made, teacher=None, seed=0, progress=lambda *_: None
    )
    cascade = Cascade(name=kind, tiers=(Tier(model=kind),))
    bundle.write_bundle(
        run / BUNDLE, cascade, {kind: made}, spec=loaded.spec, rule=trust.DEFAULT, reads_chats=False
    )
    return run
