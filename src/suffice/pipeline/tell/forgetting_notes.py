"""What a run says about tuned decoders: how much of plain language they forgot, by their canary."""

import json
from pathlib import Path

from suffice.models import artefact
from suffice.pipeline.tell.findings import Findings


def forgetting_notes(findings: Findings) -> tuple[str, ...]:
    """Returns a sentence for each rung whose artefact has a canary; () where none was tuned."""
    notes = (forgetting_note(rung.name, rung.folder) for rung in findings.rungs)
    return tuple(note for note in notes if note is not None)


def forgetting_note(name: str, folder: Path) -> str | None:
    """Returns what a rung's artefact, checked when it was opened, says of forgetting; None for nothing."""
    path = folder / artefact.MANIFEST
    settings = json.loads(path.read_text(encoding="utf-8"))["settings"] if path.is_file() else {}
    found = (settings.get("training") or {}).get("canary")
    if found is None:
        return None
    return (
        f"{name}: tuning moved its loss on {found['sentences']} plain sentences from"
        f" {found['base_loss']:.2f} to {found['tuned_loss']:.2f} nats a token"
        f" ({found['rise']:+.2f}, 95% interval {found['rise_low']:+.2f} to {found['rise_high']:+.2f}), before"
        f" quantising: {_reading(found['rise_low'], found['rise_high'])}"
    )


def _reading(low: float, high: float) -> str:
    if low > 0:
        return "it forgot some of what the base knew besides the task"
    return "it got better there" if high < 0 else "no forgetting is seen there"
