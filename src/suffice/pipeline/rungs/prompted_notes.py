"""What a run says of decoders that are only prompted: how far the order of the labels matters to them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from suffice.models.artefact import MANIFEST
from suffice.pipeline.rungs.rung import Rung
from suffice.stats.intervals import wilson


def prompted_notes(rungs: Sequence[Rung]) -> tuple[str, ...]:
    """Returns in words how many answers of each such rung change with the order of the labels."""
    notes = []
    for rung in rungs:
        told = _settings(rung.folder).get("order_bias")
        if told is None:
            continue
        flipped, texts = int(told["flipped"]), int(told["texts"])
        low, high, *_ = wilson(flipped, texts)
        notes.append(
            f"{rung.name} gives another answer to {flipped:,} of {texts:,} dev texts ({flipped / texts:.1%},"
            f" 95% interval {low:.1%} to {high:.1%}) when its prompt lists the labels the other way round"
        )
    return tuple(notes)


def _settings(folder: Path) -> dict[str, Any]:
    """Returns the settings in an artefact's manifest; its files were checked when it was opened."""
    settings: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["settings"]
    return settings
